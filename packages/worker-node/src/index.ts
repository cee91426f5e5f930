// @tabgrad/worker-node: the process host of a worker. Which engines this machine has is told by @tabgrad/worker-node/engines: a worker's
// main thread has no use for them, and starts sooner without.
export { runWorker, type WorkerEnd, type WorkerLog, type WorkerOptions } from "./run-worker.ts";
export type { EngineChoice } from "./thread-messages.ts";
