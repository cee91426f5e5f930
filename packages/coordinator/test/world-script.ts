// What a random schedule is: a run, the workers that it begins with, and what befalls them.
import type { RunPlan } from "../src/decide/index.ts";

export type Lie = "notFinite" | "outlandish" | "version" | "samples" | "twice";

export interface Fault {
  /** Milliseconds after the fault before. */
  readonly after: number;
  readonly kind:
    | "join"
    | "kill"
    | "vanish"
    | "stall"
    | "doze"
    | "cut"
    | "slow"
    | "rest"
    | "hide"
    | "show"
    | "fail"
    | "drop"
    | "pause"
    | "restart"
    | Lie;
  readonly worker: number;
  /** Of whatever it is: milliseconds, a factor, contributions. 0 to 1. */
  readonly extent: number;
}

export interface Script {
  readonly exact: boolean;
  readonly microbatches: number;
  readonly steps: number;
  readonly startWorkers: number;
  /** Milliseconds for a sample, of each worker. */
  readonly speeds: readonly number[];
  readonly faults: readonly Fault[];
  /** Decides every latency. */
  readonly seed: number;
}

/** Of every microbatch. */
export const samplesEach = 32;

/** The run itself. */
export const planOf = ({ steps, microbatches, startWorkers, exact }: Script): RunPlan => ({
  steps,
  stepSamples: () => Array.from({ length: microbatches }, () => samplesEach),
  evaluationSamples: [8, 8, 3],
  evaluateAfter: (step) => step % 3 === 0,
  checkpointEvery: { steps: 2 },
  startWorkers,
  minWorkers: 1,
  learningRate: 0.1,
  rateFactor: () => 1,
  exact,
});
