// Everything a run tells the world, as one union: the progress bar, `--json`, the journal and the dashboard all live on it.
import type { ErrorCode } from "@tabgrad/core";
import type { Reason } from "../decide/index.ts";

export interface WorkerTimings {
  readonly waitMs: number;
  readonly fetchMs: number;
  readonly computeMs: number;
  readonly uploadMs: number;
}

/** One worker's part in one step. */
export interface WorkerShare {
  readonly id: string;
  readonly name: string;
  /** Samples it computed in this step. */
  readonly samples: number;
  readonly timings: WorkerTimings;
}

export type TelemetryEvent =
  | {
      readonly event: "start";
      readonly runId: string;
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
    }
  | {
      readonly event: "step";
      readonly step: number;
      readonly epoch: number;
      /** Mean loss over the global batch, before the step. */
      readonly loss: number;
      /** Means over the global batch, by the name of the metric. */
      readonly metrics: Readonly<Record<string, number>>;
      /** Samples of this step. */
      readonly samples: number;
      /** Smoothed over the last second or so. */
      readonly samplesPerSecond: number;
      readonly workers: number;
      /** Norm of the mean gradient. */
      readonly gradientNorm: number;
      readonly learningRate: number;
      readonly shares: readonly WorkerShare[];
    }
  | {
      readonly event: "eval";
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly metrics: Readonly<Record<string, number>>;
      readonly samples: number;
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
      /** Of the last evaluation, or else of the last step. */
      readonly loss: number | null;
      readonly metrics: Readonly<Record<string, number>>;
      readonly checkpoint: string | null;
      readonly parametersSha256: string;
      /** From the first assignment to the last step or evaluation. */
      readonly seconds: number;
      readonly samples: number;
      readonly samplesPerSecond: number;
    };
