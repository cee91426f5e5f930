// Smoothing by time: a mean of what came before in which a point that is `seconds` old weighs 1/e. Where steps come unevenly, or a run
// was paused, a smoothing by number of points would mean something else in every place.

/** What a person can choose, in seconds; 0 is none. */
export const smoothings = [0, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600] as const;

/**
 * @param times in milliseconds, not falling
 * @param values as many
 * @param seconds after which a point weighs 1/e; 0 returns the values
 */
export function smoothed(times: Float64Array, values: Float32Array, seconds: number): Float32Array {
  if (seconds <= 0) return values;
  const result = new Float32Array(values.length);
  let [sum, weight] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const kept = i === 0 ? 0 : Math.exp((times[i - 1] - times[i]) / (1000 * seconds));
    // A loss that is no number any more must not hide those that come after it, should there be any.
    if (Number.isFinite(values[i])) {
      sum = sum * kept + values[i];
      weight = weight * kept + 1;
    }
    result[i] = weight > 0 ? sum / weight : NaN;
  }
  return result;
}

/** The choice that suits a run of this length: a fiftieth of it, as near as there is one, and at least half a second. */
export function suitableSmoothing(elapsedSeconds: number): number {
  const wanted = elapsedSeconds / 50;
  let suitable: number = smoothings[1];
  for (const choice of smoothings) if (choice > suitable && choice <= wanted) suitable = choice;
  return suitable;
}
