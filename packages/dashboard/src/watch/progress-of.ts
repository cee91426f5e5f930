// How far a run is, how long it has taken, and how long it will take: the last only where the newest steps allow to say it.
import type { RunView } from "@tabgrad/core";

export interface Progress {
  readonly step: number;
  readonly steps: number;
  /** 0 to 1. */
  readonly fraction: number;
  /** The epoch that is being computed, from 1; undefined before the run is known. */
  readonly epoch?: number;
  readonly epochs?: number;
  /** NaN before the first step was begun. */
  readonly elapsedSeconds: number;
  /** NaN where nobody can know. */
  readonly leftSeconds: number;
}

/** Of the newest points, those this recent tell the speed. */
const recentMs = 20_000;
const fewestPoints = 4;
/** A step that takes longer than so many usual ones, and than this, has stalled. */
const stall = { steps: 10, milliseconds: 5_000 } as const;

/** @param now the coordinator's time, in milliseconds since 1970 */
export function progressOf(view: RunView | undefined, now: number): Progress {
  if (!view?.start) return { step: 0, steps: 0, fraction: 0, elapsedSeconds: NaN, leftSeconds: NaN };
  const { steps, stepsPerEpoch } = view.start;
  const { step } = view;
  const epochs = Math.ceil(steps / stepsPerEpoch);
  return {
    step,
    steps,
    fraction: steps > 0 ? Math.min(1, step / steps) : 0,
    epoch: Math.min(epochs, Math.floor(step / stepsPerEpoch) + 1),
    epochs,
    elapsedSeconds: elapsedSeconds(view, now),
    leftSeconds: leftSeconds(view, now),
  };
}

/** From the first step's begin. A run that is over says itself how long it took. */
function elapsedSeconds({ done, runningSince }: RunView, now: number): number {
  if (done) return done.seconds;
  return runningSince === undefined ? NaN : Math.max(0, now - runningSince) / 1000;
}

/** Remaining samples at the speed of the newest points; NaN where the run does not move, or is too young to say. */
function leftSeconds(view: RunView, now: number): number {
  const { phase, start, newest, step } = view;
  if (!start || phase !== "running" || !newest) return NaN;
  const secondsPerSample = recentSecondsPerSample(view);
  const samplesPerStep = Math.min(start.batchSize, start.trainSamples / start.stepsPerEpoch);
  const stepMs = 1000 * samplesPerStep * secondsPerSample;
  const since = now - newest.time;
  if (Number.isNaN(stepMs) || since > Math.max(stall.milliseconds, stall.steps * stepMs)) return NaN;
  return Math.max(0, (start.steps - step) * stepMs - since) / 1000;
}

/** The mean of seconds a sample, which weighs slow points as much as they cost. */
function recentSecondsPerSample({ series }: RunView): number {
  const last = series.length - 1;
  let sum = 0;
  let points = 0;
  for (let i = last; i >= 0 && (points < fewestPoints || series.time[last] - series.time[i] <= recentMs); i--) {
    if (!(series.samplesPerSecond[i] > 0)) break;
    sum += 1 / series.samplesPerSecond[i];
    points++;
  }
  return points < fewestPoints ? NaN : sum / points;
}
