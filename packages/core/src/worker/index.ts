// The worker's session, which every host drives, and what it computes with.
export { advance, type Advance } from "./advance.ts";
export { backOffMs } from "./back-off.ts";
export type { Compute, ComputeRequest, ComputeResult, ComputeSetup } from "./compute.ts";
export { nextWake } from "./connection.ts";
export { EngineCompute, type EngineComputeOptions } from "./engine-compute.ts";
export type { SocketEvents, WorkerHost, WorkerSocket } from "./host.ts";
export { ParameterAssembly } from "./parameters.ts";
export { WorkerSession } from "./session.ts";
export { missingShard, ShardBytes } from "./shard-bytes.ts";
export {
  type Activity,
  activityOf,
  type Duty,
  initialSession,
  type Readiness,
  type SessionAction,
  type SessionEvent,
  type SessionPhase,
  type SessionPlan,
  type SessionReport,
  type SessionState,
  type WorkerIdentity,
  type WorkerOutcome,
} from "./state.ts";
