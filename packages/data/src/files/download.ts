// Fetches a file over http(s) into the cache: once, going on where a connection broke, and again only where the server says that it has
// changed. What was fetched is kept by the hash of its content, and found by its address.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { TabgradError } from "@tabgrad/core";
import { withLock } from "../cache/lock.ts";
import { cacheUnusable, makeFolder, readJson, writeJson } from "../cache/write.ts";
import { checkInterrupted, type OnProgress } from "../progress.ts";
import type { LocalFile } from "./byte-reader.ts";
import { pause, StallWatch, systemTimer, type Timer } from "./clock.ts";
import { BrokenOff, causeOf, Unavailable, waitBefore } from "./retry.ts";
import { beginOf, fetchFailed, refusalOf, resumeHeaders, unlessChanged, type Validators, validatorsOf } from "./server-answer.ts";

export interface DownloadOptions {
  readonly cache: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** Default: the machine's. */
  readonly timer?: Timer;
}

/** What is noted of a file that was fetched whole. */
interface Entry extends Validators {
  readonly address: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A server that sends nothing for so long is taken for gone, in milliseconds. */
const stallMs = 30_000;

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.size;

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/**
 * Fetches `address`, unless it is there already and unchanged. Where the server can't be reached, what is there is used.
 * @throws TabgradError DATA_NOT_FOUND where the server has no such file, DATA_FETCH_FAILED, DATA_CACHE_UNUSABLE, INTERRUPTED
 */
export async function download(address: string, options: DownloadOptions): Promise<LocalFile> {
  const key = createHash("sha256").update(address).digest("hex");
  const stem = join(options.cache, "addresses", key);
  await makeFolder(dirname(stem));
  return withLock(`${stem}.lock`, () => new Download(address, stem, options).run());
}

class Download {
  readonly #address: string;
  readonly #stem: string;
  readonly #options: DownloadOptions;

  constructor(address: string, stem: string, options: DownloadOptions) {
    this.#address = address;
    this.#stem = stem;
    this.#options = options;
  }

  async run(): Promise<LocalFile> {
    const known = await this.#known();
    // A server that can't go on in the middle brings the same bytes again and again.
    let most = (await sizeOf(this.#part)) ?? 0;
    for (let barren = 0; ;) {
      try {
        const entry = await this.#attempt(known);
        return this.#file(entry);
      } catch (error) {
        if (error instanceof TabgradError) throw error;
        checkInterrupted(this.#options.signal);
        const have = (await sizeOf(this.#part)) ?? 0;
        barren = have > most ? 0 : barren + 1;
        most = Math.max(most, have);
        const hasCopy = known !== undefined && have === 0;
        const ms = waitBefore(error, barren, hasCopy);
        if (ms === undefined && hasCopy) return this.#file(known);
        if (ms === undefined) throw error instanceof Unavailable ? error.refusal : this.#unreachable(error, have);
        if (ms > 0) await this.#wait(ms, error, have);
      }
    }
  }

  /** Says why, and waits. */
  async #wait(ms: number, error: unknown, done: number): Promise<void> {
    const { signal, onProgress, timer = systemTimer } = this.#options;
    const note = `${causeOf(error).message}; trying again in ${Math.ceil(ms / 1000)} s`;
    onProgress?.({ activity: "fetch", address: this.#address, done, total: undefined, unit: "bytes", note });
    await pause(ms, timer, signal);
    checkInterrupted(signal);
  }

  get #part(): string {
    return `${this.#stem}.part`;
  }

  #contentPath(sha256: string): string {
    return join(this.#options.cache, "files", sha256);
  }

  #file({ sha256 }: Entry): LocalFile {
    return { path: this.#contentPath(sha256), name: this.#address, sha256 };
  }

  /** What is there of an earlier time, if it is whole. */
  async #known(): Promise<Entry | undefined> {
    const entry = (await readJson(`${this.#stem}.json`)) as Entry | undefined;
    return entry && (await sizeOf(this.#contentPath(entry.sha256))) === entry.bytes ? entry : undefined;
  }

  /** One request. Throws what the network throws where it breaks, or BrokenOff. */
  async #attempt(known: Entry | undefined): Promise<Entry> {
    const { signal, timer = systemTimer } = this.#options;
    const watch = new StallWatch(stallMs, timer);
    try {
      return await this.#request(known, watch, signal ? AbortSignal.any([signal, watch.signal]) : watch.signal);
    } finally {
      watch.end();
    }
  }

  async #request(known: Entry | undefined, watch: StallWatch, signal: AbortSignal): Promise<Entry> {
    const begun = (await readJson(`${this.#part}.json`)) as Validators | undefined;
    const have = begun ? ((await sizeOf(this.#part)) ?? 0) : 0;
    const response = await fetch(this.#address, {
      headers: { "accept-encoding": "identity", ...(have > 0 ? resumeHeaders(begun!, have) : known ? unlessChanged(known) : {}) },
      signal,
    });
    watch.progressed();
    if (known && response.status === 304) return known;
    if (response.status === 416) {
      // Asked for nothing but the whole, a server that says this again is not asked again.
      if (have === 0) throw refusalOf(this.#address, response);
      await this.#forget();
      return this.#request(known, watch, signal);
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw Unavailable.orRefusal(this.#address, response);
    }
    const resumed = response.status === 206;
    const begin = resumed ? beginOf(response) : 0;
    if (begin !== (resumed ? have : 0)) {
      await response.body.cancel();
      await this.#forget();
      const range = response.headers.get("content-range") ?? "without saying which";
      throw new BrokenOff(`asked for what follows byte ${have}, the server sent bytes ${range.replace(/^bytes /, "")}`);
    }
    const validators = validatorsOf(response);
    if (!resumed) await writeJson(`${this.#part}.json`, validators);
    const total = await this.#receive(response, begin, watch);
    watch.end();
    return this.#finish(validators, total);
  }

  /** Writes the body from byte `begin` on. @returns how long the file is */
  async #receive(response: Response, begin: number, watch: StallWatch): Promise<number> {
    const length = response.headers.get("content-length");
    const total = length === null ? undefined : begin + Number(length);
    let handle: FileHandle;
    try {
      handle = await open(this.#part, begin > 0 ? "r+" : "w");
    } catch (error) {
      throw cacheUnusable(this.#part, error);
    }
    let done = begin;
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        await handle.write(chunk, 0, chunk.length, done).catch((error: unknown) => {
          throw cacheUnusable(this.#part, error);
        });
        done += chunk.length;
        watch.progressed();
        this.#options.onProgress?.({ activity: "fetch", address: this.#address, done, total, unit: "bytes" });
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (total !== undefined && done !== total) throw new BrokenOff(`${done} of ${total} bytes came`);
    return done;
  }

  /** Gives what was fetched its name. */
  async #finish(validators: Validators, bytes: number): Promise<Entry> {
    const sha256 = await sha256Of(this.#part);
    // Some servers name a file by its SHA-256: then that has to be it.
    const promised = /^"([0-9a-f]{64})"$/.exec(validators.etag ?? "")?.[1];
    if (promised !== undefined && promised !== sha256) {
      await this.#forget();
      throw fetchFailed(
        this.#address,
        `the file's SHA-256 is ${sha256}; the server says ${promised}`,
        "The file was damaged on its way: try again.",
      );
    }
    const entry: Entry = { address: this.#address, ...validators, bytes, sha256 };
    try {
      await mkdir(dirname(this.#contentPath(sha256)), { recursive: true });
      await rename(this.#part, this.#contentPath(sha256));
    } catch (error) {
      throw cacheUnusable(this.#contentPath(sha256), error);
    }
    await writeJson(`${this.#stem}.json`, entry);
    await this.#forget();
    return entry;
  }

  async #forget(): Promise<void> {
    await rm(this.#part, { force: true });
    await rm(`${this.#part}.json`, { force: true });
  }

  #unreachable(error: unknown, have: number): TabgradError {
    const { message, name } = causeOf(error);
    const kept = have > 0 ? ` ${have} bytes are kept: a second start goes on from there, if the server can.` : "";
    return fetchFailed(
      this.#address,
      `the file cannot be fetched: ${message || name}`,
      `Check the address and the connection.${kept}`,
      error,
    );
  }
}
