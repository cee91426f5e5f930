// @tabgrad/coordinator: opens a dataset, shares out the work, reduces the gradients, takes the steps.
export {
  readCheckpoint,
  readWeights,
  findCheckpoint,
  type LoadedCheckpoint,
  type Manifest,
  type NamedTensor,
} from "./checkpoint/index.ts";
export { startCoordinator } from "./coordinator.ts";
export { openDataset, type Dataset } from "./data/index.ts";
export type { CoordinatorOptions, RunningCoordinator } from "./options.ts";
export { Schedule } from "./plan.ts";
export { linkForOthers } from "./rim/links.ts";
export type { TlsPair } from "./rim/port.ts";
export { runReference, type ReferenceOptions } from "./reference.ts";
export { readJournal, type JournalRecord } from "./telemetry/index.ts";
