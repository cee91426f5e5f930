// The run's journal: every telemetry event with its time, appended as msgpackr records to a file beside the checkpoints.
import { createWriteStream, type WriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { Packr, Unpackr } from "msgpackr";
import type { TelemetryEvent } from "./events.ts";

export interface JournalRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly event: TelemetryEvent;
}

export class Journal {
  private readonly packr = new Packr({ useRecords: false });
  private readonly stream: WriteStream;

  constructor(path: string) {
    this.stream = createWriteStream(path, { flags: "a" });
  }

  /** Rejects if the file cannot be opened, so that a full or read-only disk is noticed at the start. */
  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.once("open", () => resolve());
      this.stream.once("error", reject);
    });
  }

  append(event: TelemetryEvent, time: number): void {
    this.stream.write(this.packr.pack({ time, event } satisfies JournalRecord));
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.once("error", reject);
      this.stream.end(() => resolve());
    });
  }
}

/** Reads a journal; a record that a crash cut off ends it. */
export async function readJournal(path: string): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  try {
    new Unpackr({ useRecords: false }).unpackMultiple(await readFile(path), (record: JournalRecord) => {
      records.push(record);
    });
  } catch (error) {
    if (!(error as { incomplete?: boolean }).incomplete) throw error;
  }
  return records;
}
