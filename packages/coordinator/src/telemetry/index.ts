// What a run tells the world.
export type { TelemetryEvent, WorkerShare, WorkerTimings } from "./events.ts";
export { Journal, journalFile, readJournal, type JournalRecord } from "./journal.ts";
export { Scoreboard, type DoneEvent } from "./scoreboard.ts";
