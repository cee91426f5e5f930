// The web pages over a real loopback socket: what is served, how it may be kept, and the policy that it comes with.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAnswer } from "../src/rim/http.ts";
import { Pages } from "../src/rim/pages.ts";
import { Port } from "../src/rim/port.ts";

const script = `console.log(${JSON.stringify("tabgrad ".repeat(500))});`;

let folder: string;
let port: Port;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tabgrad-pages-"));
  await mkdir(join(folder, "dist", "assets"), { recursive: true });
  await writeFile(join(folder, "secret.txt"), "secret");
  await writeFile(join(folder, "dist", "index.html"), "<title>watch</title>");
  await writeFile(join(folder, "dist", "join.html"), "<title>join</title>");
  await writeFile(join(folder, "dist", "assets", "join-ab12.js"), script);
  await writeFile(join(folder, "dist", "assets", "engine-cd34.wasm"), Buffer.from([0, 97, 115, 109]));
  await writeFile(join(folder, "dist", "assets", "icon-ef56.png"), Buffer.from([137, 80, 78, 71]));
  const answer = createAnswer({
    runId: "run",
    store: { has: () => false, read: () => new Uint8Array() },
    identity: () => ({ tabgrad: "coordinator" }),
    runDocument: () => "{}",
    parameters: () => ({ version: 0, bytes: new Uint8Array() }),
    pages: await Pages.read(join(folder, "dist")),
  });
  port = await Port.open({ host: "127.0.0.1", port: 0, answer, upgrades: new Map() });
});
afterEach(async () => {
  await port.close();
  await rm(folder, { recursive: true });
});

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** As the server sends it: `fetch` would resolve the path and decompress. */
const ask = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answered> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port: port.number, path, headers, method, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    }).once("error", reject);
  });

describe("the pages", () => {
  it("are at / and at /join, asked for anew each time", async () => {
    const watch = await ask("/");
    expect(watch.body.toString()).toBe("<title>watch</title>");
    expect(watch.headers).toMatchObject({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" });
    expect((await ask("/join?from=qr")).body.toString()).toBe("<title>join</title>");
    const again = await ask("/", { "if-none-match": watch.headers.etag! });
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) });
    expect((await ask("/join", { "if-none-match": watch.headers.etag! })).status).toBe(200);
  });

  it("have assets that may be kept for ever", async () => {
    const { headers, body } = await ask("/assets/join-ab12.js");
    expect(headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
    });
    expect(headers["content-encoding"]).toBeUndefined();
    expect(body.toString()).toBe(script);
    expect((await ask("/assets/engine-cd34.wasm")).headers["content-type"]).toBe("application/wasm");
  });

  it.each([
    ["gzip, deflate, br", true],
    ["br;q=1, gzip;q=0.5", true],
    ["*", true],
    ["gzip;q=0", false],
    ["gzip; q=0.0, *", false],
    ["identity", false],
  ])("come compressed for Accept-Encoding %s: %s", async (accepted, compressed) => {
    for (let time = 0; time < 2; time++) {
      const { headers, body } = await ask("/assets/join-ab12.js", { "accept-encoding": accepted });
      expect(headers["content-encoding"]).toBe(compressed ? "gzip" : undefined);
      expect((compressed ? gunzipSync(body) : body).toString()).toBe(script);
      expect(Number(headers["content-length"])).toBe(body.length);
    }
  });

  it("leave alone what is compressed already", async () => {
    const { headers } = await ask("/assets/icon-ef56.png", { "accept-encoding": "gzip" });
    expect(headers["content-encoding"]).toBeUndefined();
  });

  it("answer HEAD with the headers alone", async () => {
    const { status, headers, body } = await ask("/join", {}, "HEAD");
    expect(status).toBe(200);
    expect(headers["content-length"]).toBe(String("<title>join</title>".length));
    expect(body.length).toBe(0);
  });

  it.each(["/", "/join", "/assets/join-ab12.js"])("come with a strict policy: %s", async (path) => {
    const { headers } = await ask(path);
    const policy = String(headers["content-security-policy"]);
    expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; /);
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:/);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(headers["permissions-policy"]).toContain("screen-wake-lock=(self)");
  });

  it.each([
    "/index.html",
    "/assets/",
    "/assets/none.js",
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/assets/../../secret.txt",
    "//secret.txt",
  ])("are all there is: nothing at %s", async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it("stand beside what a worker asks for", async () => {
    expect(JSON.parse((await ask("/tabgrad.json")).body.toString())).toEqual({ tabgrad: "coordinator" });
  });
});
