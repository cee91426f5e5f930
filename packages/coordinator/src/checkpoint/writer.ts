// Writes checkpoints beside the training, one at a time; while one is being written, only the newest that is asked for waits. Keeps the
// newest ones and the best, and removes the others.
import { TabgradError } from "@tabgrad/core";
import { rm } from "node:fs/promises";
import type { AnyManifest, Evaluation, Manifest } from "./manifest.ts";
import { bestOf, surplus, type Retained } from "./retention.ts";
import { rewriteManifest, writeCheckpoint, type Snapshot, type WrittenCheckpoint } from "./write.ts";

export interface CheckpointWriterOptions {
  readonly directory: string;
  /** How many of the newest checkpoints to keep. */
  readonly keep: number;
  /** Those that are there already. */
  readonly stored?: readonly StoredManifest[];
  /** How good an evaluation is: less is better. */
  readonly score: (evaluation: Evaluation) => number;
  /** Whether parameters that do better than all before are worth a checkpoint of their own. */
  readonly saveBest: boolean;
  /** What has to be on the disk before a checkpoint counts. */
  readonly beforeNaming: () => Promise<void>;
  readonly onWritten: (step: number, written: WrittenCheckpoint & { readonly milliseconds: number }) => void;
  /** A checkpoint on the way could not be written; training goes on. */
  readonly onFailure: (step: number, error: Error) => void;
}

export interface StoredManifest {
  readonly path: string;
  readonly manifest: AnyManifest;
}

interface Entry extends Retained {
  readonly path: string;
  /** Of those that this process has written or gone on from: nobody else writes this step. */
  readonly manifest?: Manifest;
}

export class CheckpointWriter {
  private readonly options: CheckpointWriterOptions;
  private readonly stored = new Map<number, Entry>();
  private evaluation: Evaluation | undefined;
  private writing: Promise<void> = Promise.resolve();
  private waiting: Snapshot | undefined;
  /** The step that is being written. */
  private under: number | undefined;
  private busy = false;

  constructor(options: CheckpointWriterOptions) {
    this.options = options;
    for (const { path, manifest } of options.stored ?? []) this.stored.set(manifest.step, this.entryOf(path, manifest));
  }

  /** The newest checkpoint on the disk. */
  get newest(): string | undefined {
    const steps = [...this.stored.keys()];
    return steps.length === 0 ? undefined : this.stored.get(Math.max(...steps))?.path;
  }

  /** The one that did best on the held-out samples. */
  get best(): string | undefined {
    return bestOf([...this.stored.values()])?.path;
  }

  /** Returns at once. */
  request(snapshot: Snapshot): void {
    this.waiting = snapshot;
    this.wake();
  }

  /**
   * The present parameters were evaluated: noted in their checkpoint, if there is one. Returns at once.
   * @param snapshot of the present parameters; taken only where they deserve a checkpoint that they have not got
   */
  evaluated(evaluation: Evaluation, snapshot: () => Snapshot): void {
    this.evaluation = evaluation;
    const { step } = evaluation;
    const score = this.options.score(evaluation);
    const isKnown = this.stored.has(step) || this.under === step || this.waiting?.manifest.step === step;
    const best = bestOf([...this.stored.values()])?.score;
    if (!isKnown && this.options.saveBest && (best === undefined || score < best)) this.waiting = snapshot();
    this.wake();
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

  private wake(): void {
    if (!this.busy) this.writing = this.drain();
  }

  private async drain(): Promise<void> {
    this.busy = true;
    for (let snapshot = this.waiting; snapshot; snapshot = this.waiting) {
      this.waiting = undefined;
      await this.put(snapshot).catch((error: Error) => this.options.onFailure(snapshot.manifest.step, error));
    }
    const { evaluation } = this;
    const entry = evaluation && this.stored.get(evaluation.step);
    if (entry?.manifest && entry.manifest.evaluation?.step !== evaluation?.step) {
      await this.amend(entry, { ...entry.manifest, evaluation: evaluation! }).catch((error: Error) =>
        this.options.onFailure(entry.step, error),
      );
    }
    this.busy = false;
    if (this.waiting || this.evaluation !== evaluation) await this.drain();
  }

  private async put(snapshot: Snapshot): Promise<string> {
    const { step } = snapshot.manifest;
    const own = this.stored.get(step);
    if (own?.manifest) {
      // What is on the disk of this step is the same; only what is said of it may be new.
      const { files, parametersSha256 } = own.manifest;
      await this.amend(own, { ...snapshot.manifest, files, parametersSha256, savedAt: new Date().toISOString() });
      return own.path;
    }
    const began = performance.now();
    this.under = step;
    try {
      const written = await writeCheckpoint(this.options.directory, snapshot, this.options.beforeNaming);
      this.stored.set(step, this.entryOf(written.path, written.manifest));
      this.options.onWritten(step, { ...written, milliseconds: performance.now() - began });
      await this.removeSurplus();
      return written.path;
    } finally {
      this.under = undefined;
    }
  }

  private async amend(entry: Entry, manifest: Manifest): Promise<void> {
    await rewriteManifest(entry.path, manifest);
    this.stored.set(entry.step, this.entryOf(entry.path, manifest));
    await this.removeSurplus();
  }

  private async removeSurplus(): Promise<void> {
    for (const { step, path } of surplus([...this.stored.values()], this.options.keep)) {
      await rm(path, { recursive: true, force: true });
      this.stored.delete(step);
    }
  }

  private entryOf(path: string, manifest: AnyManifest): Entry {
    const { step, evaluation } = manifest;
    return {
      step,
      path,
      ...(evaluation?.step === step && { score: this.options.score(evaluation) }),
      ...(manifest.format === 2 && { manifest }),
    };
  }
}
