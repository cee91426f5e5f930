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

export interface DownloadOptions {
  readonly cache: string;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** What a server said of a file: enough to ask whether it has changed. */
interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

/** What is noted of a file that was fetched whole. */
interface Entry extends Validators {
  readonly address: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A broken connection is taken up again as long as this brings more; so often one after another it may bring nothing. */
const maxBarrenAttempts = 3;

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.size;

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

const failed = (address: string, what: string, remedy: string, cause?: unknown): TabgradError =>
  new TabgradError("DATA_FETCH_FAILED", `${address}: ${what}`, remedy, { cause });

/** What the server's answer means, if it means that there is nothing to fetch. */
function refusalOf(address: string, { status, statusText }: Response): TabgradError {
  const answer = `the server answered ${status}${statusText === "" ? "" : ` ${statusText}`}`;
  if (status === 404 || status === 410) return new TabgradError("DATA_NOT_FOUND", `${address}: ${answer}`, "Check the address.");
  if (status === 401 || status === 403) {
    return failed(
      address,
      answer,
      "It wants somebody to log in, which is not supported here: fetch the file by hand, and name its path.",
    );
  }
  return failed(address, answer, status >= 500 ? "The server has a problem: try again later." : "Check the address.");
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
    for (let barren = 0; ;) {
      const before = (await sizeOf(this.#part)) ?? 0;
      try {
        const entry = await this.#attempt(known);
        return this.#file(entry);
      } catch (error) {
        if (error instanceof TabgradError) throw error;
        checkInterrupted(this.#options.signal);
        const after = (await sizeOf(this.#part)) ?? 0;
        barren = after > before ? 0 : barren + 1;
        if (barren < maxBarrenAttempts) continue;
        if (known && after === 0) return this.#file(known);
        throw this.#unreachable(error, after);
      }
    }
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

  /** One request. Throws what the network throws where it breaks. */
  async #attempt(known: Entry | undefined): Promise<Entry> {
    const begun = (await readJson(`${this.#part}.json`)) as Validators | undefined;
    const have = begun ? ((await sizeOf(this.#part)) ?? 0) : 0;
    const response = await fetch(this.#address, {
      headers: { "accept-encoding": "identity", ...(have > 0 ? resumeHeaders(begun!, have) : known ? unlessChanged(known) : {}) },
      signal: this.#options.signal,
    });
    if (known && response.status === 304) return known;
    if (response.status === 416) {
      await this.#forget();
      return this.#attempt(known);
    }
    if (!response.ok || !response.body) throw refusalOf(this.#address, response);
    const resumed = response.status === 206;
    const validators = validatorsOf(response);
    if (!resumed) await writeJson(`${this.#part}.json`, validators);
    const total = await this.#receive(response, resumed ? have : 0);
    return this.#finish(validators, total);
  }

  /** Writes the body from byte `begin` on. @returns how long the file is */
  async #receive(response: Response, begin: number): Promise<number> {
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
        this.#options.onProgress?.({ activity: "fetch", address: this.#address, done, total, unit: "bytes" });
      }
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (total !== undefined && done !== total) throw new Error(`${done} of ${total} bytes came`);
    return done;
  }

  /** Gives what was fetched its name. */
  async #finish(validators: Validators, bytes: number): Promise<Entry> {
    const sha256 = await sha256Of(this.#part);
    // Some servers name a file by its SHA-256: then that has to be it.
    const promised = /^"([0-9a-f]{64})"$/.exec(validators.etag ?? "")?.[1];
    if (promised !== undefined && promised !== sha256) {
      await this.#forget();
      throw failed(
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
    const cause = (error as { cause?: unknown }).cause ?? error;
    const kept = have > 0 ? ` ${have} bytes are kept: a second start goes on from there, if the server can.` : "";
    return failed(
      this.#address,
      `the file cannot be fetched: ${cause instanceof Error ? cause.message || cause.name : String(cause)}`,
      `Check the address and the connection.${kept}`,
      error,
    );
  }
}

function validatorsOf({ headers }: Response): Validators {
  const etag = headers.get("etag") ?? undefined;
  const lastModified = headers.get("last-modified") ?? undefined;
  return { ...(etag !== undefined ? { etag } : {}), ...(lastModified !== undefined ? { lastModified } : {}) };
}

/** Asks for the rest, or for all of it if it has changed (RFC 9110 §13.1.5); a weak ETag proves nothing about single bytes. */
function resumeHeaders({ etag, lastModified }: Validators, have: number): Record<string, string> {
  const validator = etag?.startsWith('"') ? etag : lastModified;
  return validator === undefined ? {} : { range: `bytes=${have}-`, "if-range": validator };
}

function unlessChanged({ etag, lastModified }: Validators): Record<string, string> {
  if (etag !== undefined) return { "if-none-match": etag };
  return lastModified === undefined ? {} : { "if-modified-since": lastModified };
}
