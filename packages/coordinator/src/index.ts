// @tabgrad/coordinator: opens a dataset, shares out the work, reduces the gradients, takes the steps.
export { auditFolder, type AuditReport } from "./audit/index.ts";
export {
  encodeSafetensors,
  findCheckpoint,
  readCheckpoint,
  readManifest,
  readSafetensors,
  readWeights,
  takeSnapshot,
  verifyFiles,
  writeCheckpoint,
  type AnyManifest,
  type FileCheck,
  type LoadedCheckpoint,
  type Manifest,
  type NamedTensor,
  type SafetensorsFile,
  type TensorEntry,
} from "./checkpoint/index.ts";
export { startCoordinator } from "./coordinator.ts";
export type { CoordinatorOptions, RunningCoordinator } from "./options.ts";
export { keptControlToken } from "./folder/index.ts";
export { Schedule } from "./plan.ts";
export {
  checkSameData,
  checkSameRun,
  checkStepsLeft,
  openResumption,
  originOf,
  restoredParameters,
  restoredRun,
  type Extension,
  type Origin,
  type Resumption,
} from "./resume/index.ts";
export { linkForOthers } from "./rim/links.ts";
export type { TlsPair } from "./rim/port.ts";
export { runReference, type ReferenceOptions } from "./reference.ts";
export { readJournal, type JournalRecord } from "./telemetry/index.ts";
