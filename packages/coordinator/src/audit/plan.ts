// What a run was to compute, step by step, made from its manifest alone: no data is needed for it.
import { EpochPlan, rateFactors, restoreRun, type PlannedStep } from "@tabgrad/core";
import type { Manifest } from "../checkpoint/index.ts";

/** What an audit compares a journal with. */
export interface AuditPlan {
  readonly runId: string;
  readonly stepsPerEpoch: number;
  /** Of the first step. */
  readonly learningRate: number;
  /** What the schedule multiplies it with in each step of a run of so many; undefined where there is no schedule. */
  readonly rateFactors?: (steps: number) => (step: number) => number;
  /** Samples in each shard. */
  readonly shards: readonly number[];
  /** Samples of an epoch. */
  readonly samples: number;
  step(step: number): Pick<PlannedStep, "epoch" | "samples" | "microbatches">;
}

/** @throws TabgradError CHECKPOINT_INVALID where the manifest describes no run */
export function auditPlan({ runId, run, dataset }: Manifest): AuditPlan {
  const { seed, batchSize, microbatchSize, optimizer, schedule } = restoreRun(run).description;
  const { shards, train } = dataset;
  const infos = shards.map((samples) => ({ hash: "", bytes: 0, samples }));
  const epochs = new EpochPlan({ seed, shards: infos, train, batchSize, microbatchSize });
  return {
    runId,
    stepsPerEpoch: epochs.stepsPerEpoch,
    learningRate: optimizer.learningRate,
    ...(schedule && {
      rateFactors: (steps: number) => rateFactors(schedule, { steps, stepsPerEpoch: epochs.stepsPerEpoch }),
    }),
    shards,
    samples: train.samples,
    step: (step) => epochs.step(step),
  };
}
