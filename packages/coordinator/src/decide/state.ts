// What a decision is made from and what comes of it: the plan, the state, the events and the actions. The rim (../coordinator.ts)
// brings the events and carries out the actions in order.
import type { Reason, WorkerAvailability } from "@tabgrad/core";
import type { Conduct } from "./conduct.ts";
import type { Division } from "./division.ts";
import type { Claim, Ledger, Purpose, Totals } from "./ledger.ts";
import { initialLossScale, type LossScale } from "./loss-scale.ts";
import type { Suspect } from "./suspicion.ts";
import { nothingWatched, type PlateauWatch, type Standings, type Watch, type Watched } from "./watched.ts";
import type { Learnt, WorkerIdentity, Workers } from "./workers.ts";

/** What is fixed when a run begins. */
export interface RunPlan {
  /** Optimizer steps in the whole run. */
  readonly steps: number;
  /** Samples in each microbatch of a step (from 1). */
  readonly stepSamples: (step: number) => readonly number[];
  /** Samples in each microbatch of an evaluation; empty where nothing is held out. */
  readonly evaluationSamples: readonly number[];
  /** Whether to evaluate after this many steps. */
  readonly evaluateAfter: (step: number) => boolean;
  /** When to write a checkpoint on the way: after every so many steps, or when that much time has passed; undefined for never. */
  readonly checkpointEvery: { readonly steps: number } | { readonly milliseconds: number } | undefined;
  /** Workers to wait for before the first step. */
  readonly startWorkers: number;
  /** Workers below which no step is opened. */
  readonly minWorkers: number;
  /** Until somebody changes it. */
  readonly learningRate: number;
  /** What the schedule multiplies it with in each step (from 1). */
  readonly rateFactor: (step: number) => number;
  /** Evaluations are of an average of the parameters. Default: false. */
  readonly averages?: boolean;
  /** When to let the learning rate fall. */
  readonly plateau?: PlateauWatch;
  /** When to end the run before its last step. */
  readonly stopEarly?: Watch;
  /** Sums are taken along the fixed tree: every assignment is a block of it. */
  readonly exact: boolean;
  /** Losses are scaled, as mixed precision needs it. Default: false. */
  readonly scalesLoss?: boolean;
}

/** Somebody changed it when `step` steps were taken. */
export interface LearningRateChange {
  readonly step: number;
  readonly to: number;
}

/** Something that a worker was given and has not answered. */
export interface OpenAssignment {
  readonly worker: string;
  readonly purpose: Purpose;
  /** The parameter version to compute it with. */
  readonly version: number;
  readonly microbatches: readonly number[];
  readonly samples: number;
  /** When it could begin at the earliest: sent, and its parameters there. */
  readonly since: number;
  /** Whether its contribution can count. If not, it only shows how fast the worker is: others were faster, or it was meant so. */
  readonly counts: boolean;
  /** It was given to this worker because another one is slow. */
  readonly isCopy: boolean;
}

export type Phase =
  /** Too few workers: nothing is computed. */
  | "waiting"
  | "running"
  /** Somebody wants it so: nothing is handed out, what was handed out still counts. */
  | "paused"
  /** Over, for whatever reason; nothing happens any more. */
  | "ended";

export interface RunState {
  readonly phase: Phase;
  /** Steps taken. */
  readonly step: number;
  readonly ledger?: Ledger;
  /**
   * When the workers could begin with the open step; undefined where something else than their speed came in between: a death, a pause.
   */
  readonly undisturbedSince?: number;
  readonly workers: Workers;
  readonly assignments: ReadonlyMap<number, OpenAssignment>;
  readonly nextAssignment: number;
  /** When the newest checkpoint was asked for. */
  readonly checkpointAt: number;
  /** Whether the first step was ever opened. */
  readonly begun: boolean;
  /** Of the coming steps, before the schedule. */
  readonly learningRate: number;
  readonly watched: Watched;
  /** Of the coming training assignments, where the plan scales losses. */
  readonly lossScale?: LossScale;
  /** Changes that come again when their step is taken again, in order; unless somebody changes the learning rate before. */
  readonly learningRateChanges: readonly LearningRateChange[];
  /** How the newest whole step was divided. */
  readonly division?: Division;
  /** The newest division that people were told of. */
  readonly announced?: Division;
  /** When they were last told of one that only follows the workers' speed. */
  readonly paceToldAt?: number;
  /** Logarithms of the gradient's norm per sample in the newest contributions that counted. */
  readonly norms: readonly number[];
  /** Microbatches of the open ledger of which a contribution was refused. */
  readonly suspects: readonly Suspect[];
  /** Workers that sent something wrong, by the id they gave themselves. */
  readonly conduct: ReadonlyMap<string, Conduct>;
  /** What was learnt of workers that are gone, by the same id. */
  readonly learnt: ReadonlyMap<string, Learnt>;
}

export type RunEvent =
  /** `workerId`: what the worker calls itself on every connection. */
  | { readonly kind: "joined"; readonly worker: WorkerIdentity; readonly workerId: string }
  | { readonly kind: "left"; readonly worker: string; readonly why: string }
  | { readonly kind: "availability"; readonly worker: string; readonly availability: WorkerAvailability; readonly why: string }
  /** `squaredNorm`: of the summed gradient; not finite where a value of it is not. Undefined for an evaluation. */
  | { readonly kind: "claimed"; readonly worker: string; readonly claim: Claim; readonly squaredNorm?: number }
  | { readonly kind: "failed"; readonly worker: string; readonly assignment: number; readonly why: string }
  /** The optimizer step that an `apply` action asked for has been taken. */
  | { readonly kind: "applied"; readonly step: number }
  /** It has not been: the gradient is not finite. */
  | { readonly kind: "diverged"; readonly step: number; readonly what: string }
  /** It is as late as `nextWake` asked for. */
  | { readonly kind: "tick" }
  /** What somebody who may control the run wants. */
  | { readonly kind: "pause" }
  | { readonly kind: "resume" }
  | { readonly kind: "checkpointNow" }
  | { readonly kind: "learningRate"; readonly value: number }
  | { readonly kind: "drop"; readonly worker: string }
  | { readonly kind: "stop"; readonly why: string };

export type Outcome =
  /** `why`: it ended early. */
  | { readonly kind: "finished"; readonly why?: string }
  | { readonly kind: "stopped"; readonly why: string }
  | { readonly kind: "diverged"; readonly step: number; readonly what: string };

export type Action =
  | {
      readonly kind: "assign";
      readonly worker: string;
      readonly assignment: number;
      readonly purpose: Purpose;
      readonly step: number;
      readonly version: number;
      readonly microbatches: readonly number[];
      /** Of a training assignment, where losses are scaled. */
      readonly lossScale?: number;
    }
  /** Tell the worker that nobody needs the assignment any more. */
  | { readonly kind: "recall"; readonly worker: string; readonly assignment: number }
  /** Add the contribution to the sums of the step. */
  | { readonly kind: "accept"; readonly worker: string; readonly assignment: number }
  /** Forget what came of the contribution. */
  | { readonly kind: "discard"; readonly worker: string; readonly assignment: number }
  /** Forget all that was added up for the step: it is computed anew. */
  | { readonly kind: "startOver"; readonly step: number }
  /** All of a step is there: divide, take the optimizer step, send the new parameters; then report `applied` or `diverged`. */
  | {
      readonly kind: "apply";
      readonly step: number;
      readonly totals: Totals;
      readonly learningRate: number;
      /** Before the schedule. */
      readonly baseLearningRate: number;
      /** In mixed precision: of the step. */
      readonly lossScale?: number;
      /** The version of the new parameters that is needed next. */
      readonly version: number;
    }
  | {
      readonly kind: "evaluated";
      readonly step: number;
      readonly totals: Totals;
      readonly watched: Watched;
      readonly standings: Standings;
    }
  | { readonly kind: "checkpoint"; readonly step: number }
  /** Send the worker away. */
  | { readonly kind: "dismiss"; readonly worker: string; readonly why: string }
  /** Send the worker away for good: what it sent was wrong again and again. */
  | { readonly kind: "quarantine"; readonly worker: string; readonly why: string }
  | { readonly kind: "end"; readonly outcome: Outcome };

export interface Decision {
  readonly state: RunState;
  readonly actions: readonly Action[];
  readonly reasons: readonly Reason[];
}

export function initialState({ learningRate, scalesLoss }: Pick<RunPlan, "learningRate" | "scalesLoss">): RunState {
  return {
    phase: "waiting",
    step: 0,
    workers: new Map(),
    assignments: new Map(),
    nextAssignment: 1,
    checkpointAt: 0,
    begun: false,
    learningRate,
    learningRateChanges: [],
    watched: nothingWatched,
    ...(scalesLoss && { lossScale: initialLossScale }),
    norms: [],
    suspects: [],
    conduct: new Map(),
    learnt: new Map(),
  };
}
