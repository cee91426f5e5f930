// The run's journal: every telemetry event with its time, appended as msgpackr records to a file beside the checkpoints.
import { TabgradError, type TelemetryEvent } from "@tabgrad/core";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Packr, Unpackr } from "msgpackr";

export interface JournalRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly event: TelemetryEvent;
}

/** Its name in a run's folder. */
export const journalFile = "journal.msgpack";

export class Journal {
  private readonly packr = new Packr({ useRecords: false });
  private readonly stream: WriteStream;

  /** Begins a journal in a run's folder, or goes on with it; makes the folder. @throws TabgradError OUTPUT_UNWRITABLE */
  static async open(directory: string): Promise<Journal> {
    try {
      await mkdir(directory, { recursive: true });
      const journal = new Journal(join(directory, journalFile));
      await once(journal.stream, "open");
      return journal;
    } catch (error) {
      const { message } = error as Error;
      throw new TabgradError("OUTPUT_UNWRITABLE", `Cannot write to ${directory}: ${message}`, "Choose another folder with --out.", {
        cause: error,
      });
    }
  }

  private constructor(path: string) {
    this.stream = createWriteStream(path, { flags: "a" });
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
