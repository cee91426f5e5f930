// Files from addresses, over real sockets: fetched once, checked, gone on with, and asked about again.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { csv } from "@tabgrad/core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
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
    const refused = await refusal(() => download(address(), { cache, onProgress }));
    expect(refused.code).toBe("DATA_FETCH_FAILED");
    expect(refused.message).toContain(`${address()}: the file cannot be fetched`);
    expect(refused.remedy).toContain("60000 bytes are kept");
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
    [503, "DATA_FETCH_FAILED", "the server answered 503 Service Unavailable"],
  ])("says what a server answers: %i", async (status, code, message) => {
    answer = (_, response) => void response.writeHead(status).end("sorry");
    expect(await refusal(() => download(address(), { cache }))).toMatchObject({ code, message: `${address()}: ${message}` });
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
