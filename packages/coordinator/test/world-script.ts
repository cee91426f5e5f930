// What a random schedule is: a run, the workers that it begins with, and what befalls them.
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
