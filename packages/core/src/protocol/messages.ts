// The messages of proto/tabgrad.proto as plain objects, told apart by `type`: what the rest of tabgrad sees of the wire. What each
// field means stands in the contract. A message that has a tensor carries it as `values`.
import type { Precision } from "../engine/engine.ts";
import type { Field, ShardInfo } from "../data/layout.ts";
import type { Microbatch } from "../data/microbatch.ts";
import type { TransformSpec } from "../data/transforms/index.ts";
import type { EngineKind } from "../engine/engine.ts";
import type { Stretch } from "./packed-layout.ts";

export type ToCoordinator = Hello | ContributionChunk | Contribution | Failed | Leaving | Pong | Availability;
export type ToWorker = Welcome | Refused | FrozenChunk | ParametersChunk | ParametersBegin | Assignment | Recall | Ping | Goodbye;

/** What the results of an assignment are for. */
export type Purpose = "train" | "evaluate";

export interface Hello {
  readonly type: "hello";
  readonly protocol: number;
  /** 32 hexadecimal digits. */
  readonly workerId: string;
  readonly name: string;
  /** "node", "tab", or another host's name. */
  readonly host: string;
  readonly engine: EngineKind;
  readonly device: string;
  readonly software: string;
}

export interface ContributionChunk {
  readonly type: "contributionChunk";
  readonly assignment: number;
  readonly chunk: number;
  readonly values: Float32Array;
}

export interface Contribution {
  readonly type: "contribution";
  readonly assignment: number;
  readonly step: number;
  readonly version: number;
  readonly microbatches: readonly number[];
  readonly samples: number;
  readonly lossSum: number;
  readonly metricSums: readonly number[];
  readonly timings: Timings;
}

/** Milliseconds. */
export interface Timings {
  readonly waitMs: number;
  readonly fetchMs: number;
  readonly computeMs: number;
  readonly uploadMs: number;
}

export interface Failed {
  readonly type: "failed";
  readonly assignment: number;
  readonly reason: string;
  /** A stable code, or empty. */
  readonly code: string;
}

export interface Leaving {
  readonly type: "leaving";
  readonly reason: string;
}

export interface Pong {
  readonly type: "pong";
  readonly nonce: number;
}

/** How much work a worker is to get: its share, less than that, or none. */
export type AvailabilityState = "available" | "background" | "paused";

export interface Availability {
  readonly type: "availability";
  readonly state: AvailabilityState;
  /** For people. */
  readonly reason: string;
}

export interface Welcome {
  readonly type: "welcome";
  readonly runId: string;
  readonly graph: string;
  readonly metrics: readonly string[];
  readonly microbatchSize: number;
  readonly chunkElements: number;
  readonly parameterElements: number;
  readonly fields: readonly Field[];
  readonly shards: readonly ShardInfo[];
  readonly seed: number;
  readonly silenceMs: number;
  /** What the coordinator calls this worker. */
  readonly worker: string;
  /** Every microbatch is computed alone, and gradients are added along the fixed tree. */
  readonly exact: boolean;
  /** Of training samples. Default: none. */
  readonly transforms?: readonly TransformSpec[];
  /** How workers store what they compute. Default: "float32". */
  readonly precision?: Precision;
  /** What of the flat vector is trained, and so what contributions and new versions carry. Default: all of it. */
  readonly trained?: readonly Stretch[];
}

export interface Refused {
  readonly type: "refused";
  readonly code: string;
  readonly reason: string;
  readonly retry: boolean;
}

export interface FrozenChunk {
  readonly type: "frozenChunk";
  readonly chunk: number;
  readonly values: Float32Array;
}

export interface ParametersChunk {
  readonly type: "parametersChunk";
  readonly version: number;
  readonly chunk: number;
  readonly values: Float32Array;
}

export interface ParametersBegin {
  readonly type: "parametersBegin";
  readonly version: number;
}

export interface Assignment {
  readonly type: "assignment";
  readonly assignment: number;
  readonly purpose: Purpose;
  readonly step: number;
  readonly version: number;
  readonly microbatches: readonly Microbatch[];
  readonly upcomingShards: readonly number[];
  /** In mixed precision, of a training assignment: what the worker multiplies losses with, and unscales. Default: 1. */
  readonly lossScale?: number;
}

export interface Recall {
  readonly type: "recall";
  readonly assignment: number;
  /** Empty means all of them. */
  readonly microbatches: readonly number[];
}

export interface Ping {
  readonly type: "ping";
  readonly nonce: number;
}

export interface Goodbye {
  readonly type: "goodbye";
  readonly reason: string;
  readonly reconnect: boolean;
}
