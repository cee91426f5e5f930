// The run's journal: every telemetry event with its time, appended as msgpackr records to a file beside the checkpoints. A checkpoint
// waits until all that came before it is in the journal and on the disk, so that the two never disagree.
import { TabgradError, type TelemetryEvent } from "@tabgrad/core";
import { makeFolders } from "@tabgrad/data";
import { constants, createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { Packr, Unpackr } from "msgpackr";
import { chooseAnother, unwritable } from "../folder/unwritable.ts";

export interface JournalRecord {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly event: TelemetryEvent;
}

export interface JournalOptions {
  /** Go on after so many bytes, and cut off what follows. Default: after all of them. */
  readonly bytes?: number;
  /** Something could not be written; it is kept and tried again with the next record. */
  readonly onFailure?: (error: Error) => void;
}

/** Its name in a run's folder. */
export const journalFile = "journal.msgpack";

export class Journal {
  private readonly packr = new Packr({ useRecords: false });
  private readonly file: FileHandle;
  private readonly onFailure: (error: Error) => void;
  private position: number;
  private readonly pending: Uint8Array[] = [];
  private writing: Promise<void> | undefined;
  private failure: Error | undefined;

  /** Begins a journal in a run's folder, or goes on with it; makes the folder. @throws TabgradError OUTPUT_UNWRITABLE */
  static async open(directory: string, options: JournalOptions = {}): Promise<Journal> {
    try {
      await makeFolders(directory);
      const file = await open(join(directory, journalFile), constants.O_RDWR | constants.O_CREAT);
      const { size } = await file.stat();
      const bytes = Math.min(size, options.bytes ?? size);
      if (bytes < size) await file.truncate(bytes);
      return new Journal(file, bytes, options.onFailure ?? (() => undefined));
    } catch (error) {
      throw unwritable(directory, error, chooseAnother);
    }
  }

  private constructor(file: FileHandle, position: number, onFailure: (error: Error) => void) {
    this.file = file;
    this.position = position;
    this.onFailure = onFailure;
  }

  append(event: TelemetryEvent, time: number): void {
    this.pending.push(this.packr.pack({ time, event } satisfies JournalRecord));
    void this.flush();
  }

  /** Resolves when all that was appended is on the disk. @throws what the system says where it can't be written */
  async sync(): Promise<void> {
    do await this.flush();
    while (this.pending.length > 0 && !this.failure);
    if (this.failure) throw this.failure;
    await this.file.datasync();
  }

  /** @throws TabgradError OUTPUT_UNWRITABLE where some of it can't be written */
  async close(): Promise<void> {
    try {
      await this.sync();
    } catch (error) {
      const { message } = error as Error;
      throw new TabgradError("OUTPUT_UNWRITABLE", `The journal could not be written: ${message}`, "Make room for the next run.", {
        cause: error,
      });
    } finally {
      await this.file.close();
    }
  }

  /** Resolves when what is pending now is written, or can't be. */
  private flush(): Promise<void> {
    this.writing ??= this.write().finally(() => {
      this.writing = undefined;
      if (this.pending.length > 0 && !this.failure) void this.flush();
    });
    return this.writing;
  }

  /** Writes what is pending until nothing is, or it can't be written: then it stays, and the next time begins where this one did. */
  private async write(): Promise<void> {
    try {
      while (this.pending.length > 0) {
        const count = this.pending.length;
        const batch = Buffer.concat(this.pending);
        await writeAt(this.file, batch, this.position);
        this.pending.splice(0, count);
        this.position += batch.length;
      }
      this.failure = undefined;
    } catch (error) {
      if (!this.failure) this.onFailure(error as Error);
      this.failure = error as Error;
    }
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

/**
 * Goes through a journal, record by record, up to where a crash cut it off.
 * @returns how many bytes the whole records have, and whether something follows them
 */
export async function followJournal(
  path: string,
  visit: (record: JournalRecord) => void,
): Promise<{ readonly bytes: number; readonly torn: boolean }> {
  let bytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const data = Buffer.concat([rest, chunk as Buffer]);
    const { end, isSound } = unpackRecords(data, visit);
    bytes += end;
    rest = data.subarray(end);
    if (!isSound) return { bytes, torn: true };
  }
  return { bytes, torn: rest.length > 0 };
}

/** @returns where the last whole record ends, and whether what follows may be the beginning of another */
function unpackRecords(data: Buffer, visit: (record: JournalRecord) => void): { end: number; isSound: boolean } {
  let end = 0;
  let isSound = true;
  try {
    new Unpackr({ useRecords: false }).unpackMultiple(data, (value: unknown, _: unknown, position: unknown) => {
      isSound = isRecord(value);
      if (!isRecord(value)) return false;
      visit(value);
      end = position as number;
      return true;
    });
  } catch (error) {
    if (!(error as { incomplete?: boolean }).incomplete) isSound = false;
  }
  return { end, isSound };
}

/** What a power cut leaves at the end of a file may be zeros, which are numbers in msgpack. */
function isRecord(value: unknown): value is JournalRecord {
  const { time, event } = (value ?? {}) as Partial<JournalRecord>;
  return typeof time === "number" && typeof event === "object" && typeof event.event === "string";
}

/** Reads a journal; a record that a crash cut off ends it. */
export async function readJournal(path: string): Promise<JournalRecord[]> {
  const records: JournalRecord[] = [];
  await followJournal(path, (record) => records.push(record));
  return records;
}
