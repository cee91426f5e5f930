// What a run tells the world.
export type { TelemetryEvent, WorkerShare, WorkerTimings } from "./events.ts";
export { Journal, readJournal, type JournalRecord } from "./journal.ts";
export { Rate } from "./rate.ts";
