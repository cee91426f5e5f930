// Files from addresses, over real sockets: fetched once, checked, gone on with, and asked about again.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { csv } from "@tabgrad/core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Timer } from "../src/files/clock.ts";
import { download } from "../src/files/download.ts";
import { type DataProgress, openDataset } from "../src/index.ts";
import { refusal, testFolder } from "./data-files.ts";

const folder = testFolder();
let server: Server;
let origin = "";
let requests: IncomingMessage["headers"][] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let caches = 0;
let cache = "";

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.headers);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  caches += 1;
  cache = join(folder.path(), `cache-${caches}`);
});

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 24));

/** A server that knows ETag, If-None-Match, Range and If-Range; `breakAfter` cuts the body of an answer off. */
function serving(bytes: Buffer, { etag = '"v1"', breakAfter = (): number | undefined => undefined } = {}) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
    const from = range && request.headers["if-range"] === etag ? Number(range[1]) : 0;
    const headers = { etag, "content-length": bytes.length - from };
    if (from > 0) response.writeHead(206, { ...headers, "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
    else response.writeHead(200, headers);
    const end = breakAfter();
    if (end === undefined) response.end(bytes.subarray(from));
    else {
      breakAt = from + end;
      breakNow = () => response.destroy();
      response.flushHeaders();
      if (end === 0) breakNow();
      else response.write(bytes.subarray(from, breakAt));
    }
  };
}

/** The connection breaks once the client has all that it shall have. */
let breakAt = 0;
let breakNow = (): void => undefined;
const onProgress = ({ done }: DataProgress): void => {
  if (done === breakAt) breakNow();
};

const address = (): string => `${origin}/data.bin`;

/** Time that passes at a word. Waiting between attempts takes none of it, but is written down. */
class VirtualTime {
  readonly waits: number[] = [];
  readonly #watches = new Set<() => void>();

  readonly timer: Timer = (ms, callback) => {
    if (ms === 30_000) {
      this.#watches.add(callback);
      return () => void this.#watches.delete(callback);
    }
    this.waits.push(ms);
    queueMicrotask(callback);
    return () => undefined;
  };

  /** Thirty seconds, in which nothing else happens. */
  pass(): void {
    const due = [...this.#watches];
    this.#watches.clear();
    for (const callback of due) callback();
  }

  get watches(): number {
    return this.#watches.size;
  }
}
let time = new VirtualTime();
beforeEach(() => {
  time = new VirtualTime();
});

describe("download", () => {
  it("keeps a file by its content, and asks only whether it has changed", async () => {
    answer = serving(content);
    const progress: DataProgress[] = [];
    const file = await download(address(), { cache, onProgress: (event) => void progress.push(event) });
    const sha256 = createHash("sha256").update(content).digest("hex");
    expect(file).toEqual({ path: join(cache, "files", sha256), name: address(), sha256 });
    expect((await readFile(file.path)).equals(content)).toBe(true);
    expect(progress.at(-1)).toEqual({ activity: "fetch", address: address(), done: 300_000, total: 300_000, unit: "bytes" });
    expect(await download(address(), { cache })).toEqual(file);
    expect(requests.map((headers) => headers["if-none-match"])).toEqual([undefined, '"v1"']);
    expect((await readdir(join(cache, "addresses"))).filter((name) => !name.endsWith(".json"))).toEqual([]);

    const changed = Buffer.from("changed");
    answer = serving(changed, { etag: '"v2"' });
    expect((await readFile((await download(address(), { cache })).path)).equals(changed)).toBe(true);
  });

  it("takes a broken connection up where it broke, at once and in a later start", async () => {
    let breaks = 3;
    answer = serving(content, { breakAfter: () => (breaks-- > 0 ? 50_000 : undefined) });
    expect((await readFile((await download(address(), { cache, onProgress })).path)).equals(content)).toBe(true);
    const from = requests.map(({ range }) => Number(/\d+/.exec(range ?? "0")![0]));
    expect(from).toEqual([0, 50_000, 100_000, 150_000]);

    cache = `${cache}-later`;
    const stop = new AbortController();
    answer = serving(content, { breakAfter: () => 70_000 });
    const stopping = (event: DataProgress): void => {
      onProgress(event);
      if (event.done === breakAt) stop.abort();
    };
    const stopped = await refusal(() => download(address(), { cache, signal: stop.signal, onProgress: stopping }));
    expect(stopped.code).toBe("INTERRUPTED");
    answer = serving(content);
    requests = [];
    expect((await readFile((await download(address(), { cache })).path)).equals(content)).toBe(true);
    expect(requests[0]?.range).toBe("bytes=70000-");
  });

  it("begins anew where the file has changed in between", async () => {
    const old = Buffer.alloc(300_000, 1);
    let breaks = 1;
    const first = serving(old, { etag: '"old"', breakAfter: () => (breaks-- > 0 ? 90_000 : undefined) });
    const second = serving(content, { etag: '"new"' });
    answer = (request, response) => (requests.length === 1 ? first : second)(request, response);
    expect((await readFile((await download(address(), { cache, onProgress })).path)).equals(content)).toBe(true);
    expect(requests[1]).toMatchObject({ range: "bytes=90000-", "if-range": '"old"' });
  });

  it("gives up where a server breaks off again and again without bringing more, and keeps what there is", async () => {
    let first = true;
    answer = serving(content, { breakAfter: () => (first ? ((first = false), 60_000) : 0) });
    const refused = await refusal(() => download(address(), { cache, onProgress, timer: time.timer }));
    expect(refused.code).toBe("DATA_FETCH_FAILED");
    expect(refused.message).toContain(`${address()}: the file cannot be fetched`);
    expect(refused.remedy).toContain("60000 bytes are kept");
    expect(time.waits).toEqual([1000, 2000, 4000, 8000]);
    expect(time.watches).toBe(0);
  });

  it("compares content with an ETag that is its SHA-256", async () => {
    answer = serving(content, { etag: `"${"0".repeat(64)}"` });
    const refused = await refusal(() => download(address(), { cache }));
    expect(refused.code).toBe("DATA_FETCH_FAILED");
    expect(refused.message).toContain(`the server says ${"0".repeat(64)}`);
  });

  it("does without the server where it is gone and the file is there", async () => {
    const gone = createServer(serving(content));
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const there = `http://127.0.0.1:${(gone.address() as AddressInfo).port}/x`;
    const file = await download(there, { cache });
    gone.closeAllConnections();
    await new Promise((resolve) => gone.close(resolve));
    expect(await download(there, { cache })).toEqual(file);
    const refused = await refusal(() => download(`${there}y`, { cache }));
    expect(refused.message).toContain("cannot be fetched: connect ECONNREFUSED");
  });

  it.each([
    [404, "DATA_NOT_FOUND", "the server answered 404 Not Found"],
    [403, "DATA_FETCH_FAILED", "the server answered 403 Forbidden"],
    [416, "DATA_FETCH_FAILED", "the server answered 416 Range Not Satisfiable"],
    [501, "DATA_FETCH_FAILED", "the server answered 501 Not Implemented"],
  ])("says what a server answers, at once: %i", async (status, code, message) => {
    answer = (_, response) => void response.writeHead(status).end("sorry");
    const { timer } = time;
    expect(await refusal(() => download(address(), { cache, timer }))).toMatchObject({ code, message: `${address()}: ${message}` });
    expect(requests).toHaveLength(1);
    expect(time.waits).toEqual([]);
  });

  it.each([408, 429, 500, 502, 503, 504])("tries again, later and later, where a server answers %i", async (status) => {
    answer = (_, response) => void response.writeHead(status).end("sorry");
    const notes: (string | undefined)[] = [];
    const options = { cache, timer: time.timer, onProgress: ({ note }: DataProgress) => void notes.push(note) };
    const refused = await refusal(() => download(address(), options));
    expect(refused.code).toBe("DATA_FETCH_FAILED");
    expect(refused.message).toContain(`${address()}: the server answered ${status}`);
    expect(time.waits).toEqual([1000, 2000, 4000, 8000]);
    expect(notes[2]).toMatch(/^the server answered \d+ [\w ]+; trying again in 4 s$/);
    answer = (request, response) =>
      requests.length < 8 ? void response.writeHead(status).end() : serving(content)(request, response);
    expect((await readFile((await download(address(), options)).path)).equals(content)).toBe(true);
  });

  it("waits as long as a server asks for, up to a minute", async () => {
    answer = (request, response) =>
      requests.length === 1
        ? void response.writeHead(503, { "retry-after": "17" }).end()
        : requests.length === 2
          ? void response.writeHead(429, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }).end()
          : serving(content)(request, response);
    await download(address(), { cache, timer: time.timer });
    expect(time.waits).toEqual([17_000, 2000]);
    answer = (_, response) => void response.writeHead(503, { "retry-after": "3600" }).end();
    await refusal(() => download(`${address()}2`, { cache, timer: time.timer }));
    expect(requests).toHaveLength(4);
  });

  it("gives up a connection on which nothing comes, and goes on where it stood still", async () => {
    let stalls = 2;
    // The answer's head alone, then the head and a part; both stay open.
    answer = (request, response) => {
      if (stalls-- === 2) return void setImmediate(() => time.pass());
      if (stalls < 0) return serving(content)(request, response);
      response.writeHead(200, { etag: '"v1"', "content-length": content.length });
      response.write(content.subarray(0, 80_000));
    };
    const standing = ({ done, note }: DataProgress): void => {
      if (done === 80_000 && note === undefined && requests.length === 2) setImmediate(() => time.pass());
    };
    const file = await download(address(), { cache, timer: time.timer, onProgress: standing });
    expect((await readFile(file.path)).equals(content)).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, undefined, "bytes=80000-"]);
    expect(time.waits).toEqual([1000]);
    expect(time.watches).toBe(0);
  });

  it("says that nothing came, where that stays so", async () => {
    answer = () => void setImmediate(() => time.pass());
    const refused = await refusal(() => download(address(), { cache, timer: time.timer }));
    expect(refused).toMatchObject({
      code: "DATA_FETCH_FAILED",
      message: `${address()}: the file cannot be fetched: nothing came for 30 s`,
    });
    expect(requests).toHaveLength(5);
  });

  it("ends at once where somebody wants it to, while it waits", async () => {
    answer = (_, response) => void response.writeHead(503).end();
    const stop = new AbortController();
    const never: Timer = () => () => undefined;
    const onProgress = ({ note }: DataProgress): void => void (note !== undefined && stop.abort());
    const refused = await refusal(() => download(address(), { cache, timer: never, signal: stop.signal, onProgress }));
    expect(refused.code).toBe("INTERRUPTED");
  });

  it("never takes what is shorter than the server says for the whole", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-length": content.length + 1000 });
      response.write(content, () => response.destroy());
    };
    const refused = await refusal(() => download(address(), { cache, timer: time.timer }));
    expect(refused.message).toContain(`${address()}: the file cannot be fetched`);
    expect(time.waits).toEqual([1000, 2000, 4000, 8000]);
  });

  it("takes no other part for the one that it asked for", async () => {
    let breaks = 1;
    const first = serving(content, { breakAfter: () => (breaks-- > 0 ? 50_000 : undefined) });
    answer = (request, response) => {
      if (requests.length !== 2) return first(request, response);
      response.writeHead(206, { etag: '"v1"', "content-range": `bytes 40000-299999/300000`, "content-length": 260_000 });
      response.end(content.subarray(40_000));
    };
    const notes: (string | undefined)[] = [];
    const telling = (event: DataProgress): void => {
      onProgress(event);
      notes.push(event.note);
    };
    const file = await download(address(), { cache, timer: time.timer, onProgress: telling });
    expect((await readFile(file.path)).equals(content)).toBe(true);
    expect(requests.map(({ range }) => range)).toEqual([undefined, "bytes=50000-", undefined]);
    expect(notes).toContain("asked for what follows byte 50000, the server sent bytes 40000-299999/300000; trying again in 1 s");
  });

  it("follows redirects, keeps the address that it was given, and gives up those that lead nowhere", async () => {
    const paths: string[] = [];
    let breaks = 1;
    const there = serving(content, { breakAfter: () => (breaks-- > 0 ? 50_000 : undefined) });
    answer = (request, response) => {
      paths.push(request.url!);
      if (request.url === "/there") there(request, response);
      else response.writeHead(302, { location: request.url === "/data.bin" ? "/there" : request.url }).end();
    };
    const file = await download(address(), { cache, onProgress, timer: time.timer });
    expect(file.name).toBe(address());
    expect((await readFile(file.path)).equals(content)).toBe(true);
    expect(paths).toEqual(["/data.bin", "/there", "/data.bin", "/there"]);
    expect(requests.at(-1)?.range).toBe("bytes=50000-");
    const refused = await refusal(() => download(`${origin}/round`, { cache, timer: time.timer }));
    expect(refused.message).toBe(`${origin}/round: the file cannot be fetched: redirect count exceeded`);
    expect(time.waits).toEqual([]);
  });

  it("uses an earlier copy where the server does not answer, after a second attempt", async () => {
    answer = serving(content);
    const file = await download(address(), { cache });
    answer = (_, response) => void response.writeHead(503).end();
    expect(await download(address(), { cache, timer: time.timer })).toEqual(file);
    answer = () => void setImmediate(() => time.pass());
    expect(await download(address(), { cache, timer: time.timer })).toEqual(file);
    expect(time.waits).toEqual([1000, 1000]);
  });
});

describe("a dataset from an address", () => {
  it("is read as one from a path, and called by its address", async () => {
    const rows = `a,y\n${Array.from({ length: 50 }, (_, i) => `${i},${i % 2}`).join("\n")}\n`;
    answer = serving(gzipSync(rows));
    const open = (path: string) => openDataset(csv({ path, label: "y" }), { baseDirectory: folder.path(), seed: 1, cache });
    expect((await open(`${origin}/rows.csv.gz`)).description.train.samples).toBe(45);
    answer = serving(Buffer.from("a,y\n1,0\n2,\n"), { etag: '"broken"' });
    expect((await refusal(() => open(`${origin}/broken.csv`))).message).toBe(
      `${origin}/broken.csv:3: column "y" is empty: the value is missing`,
    );
    answer = serving(Buffer.from("<!doctype html><title>Sign in</title>"), { etag: '"page"' });
    expect((await refusal(() => open(`${origin}/page.csv`))).code).toBe("DATA_CSV_INVALID");
  });
});
