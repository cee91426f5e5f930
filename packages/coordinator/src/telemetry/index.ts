// How the coordinator tells what happens: sums become events, events a journal and a view, tensors histograms.
export { Histograms } from "./histograms.ts";
export { Journal, journalFile, readJournal, type JournalRecord } from "./journal.ts";
export { Scoreboard } from "./scoreboard.ts";
export { Telling } from "./telling.ts";
