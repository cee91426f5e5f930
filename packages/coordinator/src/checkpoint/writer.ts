// Writes checkpoints beside the training, one at a time; while one is being written, only the newest that is asked for waits.
import { TabgradError } from "@tabgrad/core";
import { writeCheckpoint, type Snapshot, type WrittenCheckpoint } from "./write.ts";

export interface CheckpointWriterOptions {
  readonly directory: string;
  /** Checkpoints to keep. */
  readonly keep: number;
  readonly onWritten: (step: number, written: WrittenCheckpoint & { readonly milliseconds: number }) => void;
  /** A checkpoint on the way could not be written; training goes on. */
  readonly onFailure: (step: number, error: Error) => void;
}

export class CheckpointWriter {
  private readonly options: CheckpointWriterOptions;
  private writing: Promise<void> = Promise.resolve();
  private waiting: Snapshot | undefined;
  private busy = false;
  /** The newest checkpoint on the disk. */
  newest: string | undefined;

  constructor(options: CheckpointWriterOptions) {
    this.options = options;
  }

  /** Returns at once. */
  request(snapshot: Snapshot): void {
    this.waiting = snapshot;
    if (!this.busy) this.writing = this.drain();
  }

  /** Writes this one after those under way, and resolves when it is on the disk. @throws TabgradError OUTPUT_UNWRITABLE */
  async write(snapshot: Snapshot): Promise<string> {
    this.waiting = undefined;
    await this.writing;
    try {
      return await this.put(snapshot);
    } catch (error) {
      throw new TabgradError(
        "OUTPUT_UNWRITABLE",
        `The checkpoint could not be written to ${this.options.directory}: ${(error as Error).message}`,
        this.newest
          ? `The newest checkpoint is ${this.newest}. Make room, or choose another folder with --out.`
          : "Make room, or choose another folder with --out.",
        { cause: error },
      );
    }
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.writing;
  }

  private async drain(): Promise<void> {
    this.busy = true;
    for (let snapshot = this.waiting; snapshot; snapshot = this.waiting) {
      this.waiting = undefined;
      await this.put(snapshot).catch((error: Error) => this.options.onFailure(snapshot.manifest.step, error));
    }
    this.busy = false;
  }

  private async put(snapshot: Snapshot): Promise<string> {
    const began = performance.now();
    const written = await writeCheckpoint(this.options.directory, snapshot, this.options.keep);
    this.newest = written.path;
    this.options.onWritten(snapshot.manifest.step, { ...written, milliseconds: performance.now() - began });
    return written.path;
  }
}
