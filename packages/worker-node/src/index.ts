// @tabgrad/worker-node: the process host of a worker, and which engines this machine has.
export {
  type ChosenEngine,
  chooseEngine,
  type EngineOptions,
  type EngineReport,
  inspectEngines,
  openEngine,
  openProvenEngine,
} from "./engines.ts";
export { runWorker, type WorkerEnd, type WorkerLog, type WorkerOptions } from "./run-worker.ts";
export type { EngineChoice } from "./thread-messages.ts";
