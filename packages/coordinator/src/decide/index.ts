// The decision core.
export { commandEvent } from "./command.ts";
export { openLedger, type Claim, type Ledger, type LedgerEntry, type Purpose, type Totals } from "./ledger.ts";
export { decide } from "./run.ts";
export { isQuarantined } from "./conduct.ts";
export { nextWake } from "./helping.ts";
export { partOf, readers } from "./work.ts";
export type { Pace } from "./pace.ts";
export { shares } from "./shares.ts";
export {
  initialState,
  type Action,
  type Decision,
  type LearningRateChange,
  type Outcome,
  type Phase,
  type RunEvent,
  type RunPlan,
  type RunState,
} from "./state.ts";
export { Versions } from "./versions.ts";
export { nothingWatched, type PlateauWatch, type Watch, type Watched } from "./watched.ts";
export type { WorkerIdentity, WorkerRecord, Workers } from "./workers.ts";
