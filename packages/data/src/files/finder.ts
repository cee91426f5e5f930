// Finds files once, however often they are asked for, and says how far reading them has come.
import { stat } from "node:fs/promises";
import type { Paths } from "@tabgrad/core";
import { checkInterrupted, type OnProgress } from "../progress.ts";
import type { LocalFile } from "./byte-reader.ts";
import { download } from "./download.ts";
import { findFiles } from "./find.ts";

export interface FinderOptions {
  readonly baseDirectory: string;
  readonly cache: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export class FileFinder {
  readonly #options: FinderOptions;
  readonly #found = new Map<string, Promise<LocalFile[]>>();
  /** Set while bytes are counted: of all files, and those that were read. */
  #total: number | undefined;
  #read = 0;

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  /** The files that `paths` names. @throws TabgradError as `findFiles` does */
  readonly find = (paths: Paths): Promise<LocalFile[]> => {
    const key = JSON.stringify(paths);
    const known = this.#found.get(key) ?? this.#search(paths);
    this.#found.set(key, known);
    return known;
  };

  /** Tells of the bytes of `files` that are read while `work` goes on. */
  async looking<Result>(files: readonly LocalFile[], work: () => Promise<Result>): Promise<Result> {
    const sizes = await Promise.all(files.map(async ({ path }) => (await stat(path)).size));
    this.#total = sizes.reduce((sum, size) => sum + size, 0);
    try {
      return await work();
    } finally {
      this.#total = undefined;
    }
  }

  async #search(paths: Paths): Promise<LocalFile[]> {
    const { baseDirectory } = this.#options;
    const files = await findFiles(paths, { baseDirectory, fetch: (address) => download(address, this.#options) });
    return files.map((file) => ({ ...file, onBytes: (count: number) => this.#take(count) }));
  }

  #take(count: number): void {
    checkInterrupted(this.#options.signal);
    if (!this.#total) return;
    // Some readers go through their files twice.
    this.#read = (this.#read + count) % (this.#total + 1);
    this.#options.onProgress?.({ activity: "look", done: this.#read, total: this.#total, unit: "bytes" });
  }
}
