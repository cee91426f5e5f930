// How fast a worker is, and how well that can be told: what the coordinator's own clock sees, smoothed, parted into computing and
// everything else; and from how far off that was before, when to stop waiting.

/** How long a worker takes for a share, as measured. */
export interface Pace {
  /** Milliseconds that do not depend on the share: parameters down, gradient up. */
  readonly overhead: number;
  /** Milliseconds of computing for a sample. Of several pieces of a share, the ones before are sent meanwhile. */
  readonly perSample: number;
}

/** Milliseconds for so many samples, in however many pieces. */
export const duration = (samples: number, { overhead, perSample }: Pace): number => overhead + samples * perSample;

export function averagePace(paces: readonly (Pace | undefined)[]): Pace | undefined {
  const measured = paces.filter((pace) => pace !== undefined);
  if (measured.length === 0) return undefined;
  const mean = (of: (pace: Pace) => number): number => measured.reduce((total, pace) => total + of(pace), 0) / measured.length;
  return { overhead: mean((pace) => pace.overhead), perSample: mean((pace) => pace.perSample) };
}

export interface Measurement {
  readonly samples: number;
  /** Milliseconds from when the worker could begin until its contribution was there, by our clock. */
  readonly elapsed: number;
  /** The part of it that the worker says it computed; undefined where it did so while the piece before was on its way: all of it, then. */
  readonly computing: number | undefined;
}

/** Weight of the newest measurement. */
export const smoothing = 0.2;

/** The pace with one measurement more. */
export function measured(before: Pace | undefined, { samples, elapsed, computing }: Measurement, weight = smoothing): Pace {
  const busy = Math.min(Math.max(computing ?? elapsed, 0.001), Math.max(elapsed, 0.001));
  const now = { overhead: Math.max(elapsed - busy, 0), perSample: busy / samples };
  if (!before) return now;
  const mix = (old: number, next: number): number => old + weight * (next - old);
  const overhead = computing === undefined ? before.overhead : mix(before.overhead, now.overhead);
  return { overhead, perSample: mix(before.perSample, now.perSample) };
}

/** How reliable a worker's pace is: the time it took as a part of what was expected, and the mean deviation of that, both smoothed. */
export interface Punctuality {
  readonly ratio: number;
  readonly deviation: number;
}

/** Before the first measurement; half of the value is what TCP's timer begins with, too. */
export const unknownPunctuality: Punctuality = { ratio: 1, deviation: 0.5 };

/** As TCP smooths round trips, with its gains of 1/8 and 1/4 (Jacobson and Karels, "Congestion Avoidance and Control", 1988). */
export function punctual({ ratio, deviation }: Punctuality, took: number): Punctuality {
  const error = took - ratio;
  return { ratio: ratio + error / 8, deviation: deviation + (Math.abs(error) - deviation) / 4 };
}

/** What is waited beyond the usual at least, as a part of the expected time: one worker's garbage collection is no other's business. */
const leastPatience = 1;

/** By which factor more than expected a worker may take before others do its work: TCP's retransmission timer, srtt + 4·rttvar. */
export const patience = ({ ratio, deviation }: Punctuality): number => ratio + Math.max(4 * deviation, leastPatience);
