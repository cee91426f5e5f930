// What a worker's session drives: something that holds shards and parameters and computes microbatches, in this thread or another.
import type { Field, ShardInfo } from "../data/layout.ts";
import type { Microbatch } from "../data/microbatch.ts";
import type { TransformSpec } from "../data/transforms/index.ts";
import type { Precision, Sums } from "../engine/engine.ts";
import type { Purpose } from "../protocol/messages.ts";

/** What a run is, as far as computing goes: the parts of `Welcome` that it takes. */
export interface ComputeSetup {
  /** The forward graph as JSON. */
  readonly graph: string;
  readonly metrics: readonly string[];
  readonly fields: readonly Field[];
  readonly shards: readonly ShardInfo[];
  readonly microbatchSize: number;
  readonly parameterElements: number;
  readonly seed: number;
  /** Of training samples. Default: none. */
  readonly transforms?: readonly TransformSpec[];
  /** Whether the bits of a gradient may depend on nothing but its microbatches: see `Welcome.exact`. */
  readonly exact: boolean;
  /** Default: "float32". */
  readonly precision?: Precision;
}

export interface ComputeRequest {
  readonly purpose: Purpose;
  /** What is random in training depends on it. */
  readonly step: number;
  readonly microbatches: readonly Microbatch[];
  /** Where the gradient goes: `parameterElements` float32 values, of any content. Absent for an evaluation. */
  readonly gradients?: ArrayBuffer;
  /** As an engine's `train` takes it. Default: 1. */
  readonly lossScale?: number;
}

export interface ComputeResult {
  readonly sums: Sums;
  /** The request's buffer, with the sum over the microbatches of the per-sample gradients. */
  readonly gradients?: ArrayBuffer;
  /** Batches, forward, loss, backward and read-back. */
  readonly computeMs: number;
}

/**
 * Calls take effect in the order in which they are made; none has to be awaited before the next. Every ArrayBuffer that is handed
 * over is given away: the caller must not touch it again until it comes back. Failures are TabgradErrors.
 */
export interface Compute {
  /** Makes the run ready, and forgets everything of an earlier one. After a failure it also does what it can to get a sound engine. */
  load(setup: ComputeSetup): Promise<void>;
  /** `bytes`: verified. */
  putShard(shard: number, bytes: ArrayBuffer): Promise<void>;
  dropShard(shard: number): Promise<void>;
  /** `parameters`: the flat vector. Gives back the buffer of earlier parameters, if there is one that is no longer read. */
  setParameters(parameters: ArrayBuffer): Promise<ArrayBuffer | undefined>;
  run(request: ComputeRequest): Promise<ComputeResult>;
  close(): Promise<void>;
}
