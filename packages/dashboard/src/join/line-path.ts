// A line through many values, as the path of an SVG of 100 by 100: few points, each the mean of its neighbours.

/** "" for fewer than two values. */
export function linePath(values: ArrayLike<number>, most: number): string {
  const count = Math.min(most, values.length);
  if (count < 2) return "";
  const means = Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * values.length) / count);
    const to = Math.floor(((i + 1) * values.length) / count);
    let sum = 0;
    for (let k = from; k < to; k++) sum += values[k];
    return sum / (to - from);
  });
  const low = Math.min(...means);
  const range = Math.max(...means) - low || 1;
  return means
    .map(
      (mean, i) => `${i === 0 ? "M" : "L"}${((100 * i) / (count - 1)).toFixed(2)} ${(96 - (92 * (mean - low)) / range).toFixed(2)}`,
    )
    .join("");
}
