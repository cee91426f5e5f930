// Everything a run tells the world, as one union: the progress bar, `--json`, the journal and the dashboard all live on it.
import type { ErrorCode } from "../errors.ts";
import type { LayerSummary, MetricForm, Report } from "../model/index.ts";
import type { IndexRange } from "./ranges.ts";
import type { Reason, Standing } from "./reasons.ts";

export interface WorkerTimings {
  readonly waitMs: number;
  readonly fetchMs: number;
  readonly computeMs: number;
  readonly uploadMs: number;
}

/** A contribution to one step: one worker's part in it, or a piece of that. */
export interface WorkerShare {
  readonly id: string;
  readonly name: string;
  readonly samples: number;
  /** The microbatches that these are: of each run of neighbours the first index, and how many there are. */
  readonly microbatches: readonly IndexRange[];
  readonly timings: WorkerTimings;
  /** When its contribution was there by the coordinator's clock, in milliseconds since 1970. */
  readonly endedAt: number;
}

/** `background`: it is given less. `paused`: nothing. */
export type WorkerAvailability = "available" | "background" | "paused";

/** Metrics that are more than one number, by name. */
export type Tables = Report["tables"];

export type TelemetryEvent =
  | {
      readonly event: "start";
      readonly runId: string;
      /** For people: the run file's name. */
      readonly name: string;
      /** Where workers on this machine find the coordinator. */
      readonly url: string;
      readonly steps: number;
      readonly stepsPerEpoch: number;
      /** The steps that were taken before, in a run that goes on. */
      readonly step: number;
      readonly batchSize: number;
      readonly microbatchSize: number;
      readonly parameters: number;
      readonly trainSamples: number;
      readonly evaluationSamples: number;
      readonly seed: number;
      /** The first step waits for so many workers; absent in journals of versions that did not note it. */
      readonly startWorkers?: number;
      /** For people: "crossEntropy", "adam". */
      readonly lossName: string;
      readonly optimizerName: string;
      readonly metricNames: readonly string[];
      /** By the name of the metric, tables among them; what is not there is a number of any kind. */
      readonly metricForms?: Readonly<Record<string, MetricForm>>;
      /** In a run that tells something of each class: what its classes are called, if they have names. */
      readonly classNames?: readonly string[];
      /** In a run with a schedule: "cosineDecay". */
      readonly scheduleName?: string;
      readonly layers: readonly LayerSummary[];
    }
  | {
      readonly event: "step";
      readonly step: number;
      readonly epoch: number;
      /** Mean loss over the global batch, before the step. */
      readonly loss: number;
      /** Over the global batch, by the name of the metric. */
      readonly metrics: Readonly<Record<string, number>>;
      /** Samples of this step. */
      readonly samples: number;
      /** Smoothed over the last second or so. */
      readonly samplesPerSecond: number;
      readonly workers: number;
      /** Norm of the mean gradient, before clipping. */
      readonly gradientNorm: number;
      /**
       * In a run that clips: the share of the gradient that was cut off, 0 where nothing was. By norm, of its length; by value, how many
       * of its values were clipped, as a share of all that are trained.
       */
      readonly clipped?: number;
      /** Of this step: what the schedule made of it. */
      readonly learningRate: number;
      /** In a run with a schedule: what that multiplied. */
      readonly baseLearningRate?: number;
      /** In mixed precision: what losses were multiplied with. */
      readonly lossScale?: number;
      readonly shares: readonly WorkerShare[];
    }
  | {
      readonly event: "eval";
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly metrics: Readonly<Record<string, number>>;
      /** Metrics that are more than one number, by rows: a confusion matrix. */
      readonly tables?: Tables;
      readonly samples: number;
      /** In a run that may end early: how far it is from that. */
      readonly stopEarly?: Standing;
      /** In a run whose learning rate falls on plateaus: how far it is from the next fall. */
      readonly plateau?: Standing;
    }
  | {
      readonly event: "worker";
      readonly id: string;
      readonly name: string;
      readonly host: string;
      readonly engine: string;
      readonly device: string;
      readonly state: "joined" | "left";
      readonly workers: number;
      readonly why?: string;
    }
  /** What a worker can give has changed: its tab was hidden, its user paused it, its engine is made again. */
  | {
      readonly event: "availability";
      readonly id: string;
      readonly name: string;
      readonly availability: WorkerAvailability;
      readonly why: string;
    }
  | { readonly event: "decision"; readonly step: number; readonly reason: Reason }
  | {
      readonly event: "checkpoint";
      readonly step: number;
      readonly path: string;
      readonly bytes: number;
      readonly milliseconds: number;
    }
  | {
      readonly event: "done";
      readonly outcome: "finished" | "stopped" | "diverged" | "failed";
      readonly why?: string;
      readonly code?: ErrorCode;
      readonly step: number;
      /** Of the last step, or of the evaluation that followed it. */
      readonly loss: number | null;
      readonly metrics: Readonly<Record<string, number>>;
      readonly tables?: Tables;
      readonly checkpoint: string | null;
      /** The one whose parameters were best on the held-out samples, of those that are kept; absent where none was evaluated. */
      readonly bestCheckpoint?: string;
      readonly parametersSha256: string;
      /** From the first assignment to the last step or evaluation; like `samples`, since the coordinator was started. */
      readonly seconds: number;
      readonly samples: number;
      readonly samplesPerSecond: number;
    };

export type StartEvent = Extract<TelemetryEvent, { event: "start" }>;
export type StepEvent = Extract<TelemetryEvent, { event: "step" }>;
export type EvaluationEvent = Extract<TelemetryEvent, { event: "eval" }>;
export type WorkerEvent = Extract<TelemetryEvent, { event: "worker" }>;
export type DoneEvent = Extract<TelemetryEvent, { event: "done" }>;

/** What is measured of a connection. */
export interface Vitals {
  readonly id: string;
  /** Of the newest ping; null before the first answer. */
  readonly roundTripMs: number | null;
  /** Since it joined, as its socket counts them: from the worker, to the worker. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

/** What only those who watch get, now and then: it is neither in the journal nor in `--json`. */
export interface VitalsEvent {
  readonly event: "vitals";
  readonly workers: readonly Vitals[];
}

export type WatchedEvent = TelemetryEvent | VitalsEvent;
