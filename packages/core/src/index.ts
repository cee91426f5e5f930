// @tabgrad/core: what is true everywhere. Each folder is one subject; see docs/architecture.md.
export type { Batch, CompileOptions, Engine, EngineKind, Precision, Program, Sums, TrainOptions } from "./engine/engine.ts";
export { proveEngine, type EngineProof, type ProofOptions } from "./engine/proof.ts";
export { closest } from "./closest.ts";
export { closeCodes, errorKinds, exitCodes, TabgradError, type ErrorCode, type ExitKind } from "./errors.ts";
export * from "./graph/index.ts";
export * from "./vector/index.ts";
export * from "./data/index.ts";
export * from "./protocol/index.ts";
export * from "./model/index.ts";
export * from "./optimizer/index.ts";
export * from "./random/index.ts";
export * from "./reduction/index.ts";
export * from "./run/index.ts";
export * from "./telemetry/index.ts";
export * from "./worker/index.ts";
