// How the coordinator tells what happens: sums become events, and events a journal.
export { Journal, journalFile, readJournal, type JournalRecord } from "./journal.ts";
export { Scoreboard } from "./scoreboard.ts";
