// The http side on a real loopback socket.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAnswer } from "../src/rim/http.ts";
import { Port } from "../src/rim/port.ts";
import { parseRange } from "../src/rim/shards.ts";

const hash = "ab".repeat(32);
const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

let port: Port;
let origin: string;
let version: number;
beforeEach(async () => {
  version = 3;
  const answer = createAnswer({
    runId: "run",
    store: { has: (name) => name === hash, read: () => bytes },
    identity: () => ({ tabgrad: "coordinator", protocol: 1 }),
    runDocument: () => JSON.stringify({ name: "mlp" }),
    parameters: () => ({ version, bytes: Uint8Array.of(0, 0, 128, 63, version) }),
  });
  port = await Port.open({ host: "127.0.0.1", port: 0, answer, upgrades: new Map() });
  origin = `http://127.0.0.1:${port.number}`;
});
afterEach(() => port.close());

const body = async (response: Response): Promise<number[]> => [...new Uint8Array(await response.arrayBuffer())];

describe("the coordinator's http side", () => {
  it("says what it is", async () => {
    expect(await (await fetch(`${origin}/tabgrad.json`)).json()).toEqual({ tabgrad: "coordinator", protocol: 1 });
    expect(await (await fetch(origin)).text()).toContain(`npx tabgrad worker ${origin}`);
  });

  it("serves shards for ever", async () => {
    const response = await fetch(`${origin}/shards/${hash}`);
    expect(response.headers.get("cache-control")).toContain("immutable");
    expect(await body(response)).toEqual([...bytes]);
    const again = await fetch(`${origin}/shards/${hash}`, { headers: { "if-none-match": response.headers.get("etag")! } });
    expect(again.status).toBe(304);
  });

  it("serves parts of shards", async () => {
    const response = await fetch(`${origin}/shards/${hash}`, { headers: { range: "bytes=10-19" } });
    expect(response.status).toBe(206);
    expect(response.headers.get("content-range")).toBe("bytes 10-19/100");
    expect(await body(response)).toEqual([...bytes.subarray(10, 20)]);
    expect((await fetch(`${origin}/shards/${hash}`, { headers: { range: "bytes=100-" } })).status).toBe(416);
  });

  it("has nothing else", async () => {
    expect((await fetch(`${origin}/shards/${"cd".repeat(32)}`)).status).toBe(404);
    expect((await fetch(`${origin}/shards/..%2f..%2fpackage.json`)).status).toBe(404);
    expect((await fetch(`${origin}/elsewhere`)).status).toBe(404);
    expect((await fetch(origin, { method: "POST" })).status).toBe(405);
  });

  it("lets pages of other origins read shards, and nothing else", async () => {
    const shard = await fetch(`${origin}/shards/${hash}`);
    expect(shard.headers.get("access-control-allow-origin")).toBe("*");
    expect(shard.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
    for (const path of ["/", "/tabgrad.json", "/run.json", "/parameters"]) {
      expect((await fetch(origin + path)).headers.get("access-control-allow-origin"), path).toBeNull();
    }
  });

  it("describes the run", async () => {
    const response = await fetch(`${origin}/run.json`);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(await response.json()).toEqual({ name: "mlp" });
  });

  it("hands out the newest parameters, and only to who has not got them", async () => {
    const first = await fetch(`${origin}/parameters`);
    expect(first.headers.get("content-type")).toBe("application/octet-stream");
    expect(first.headers.get("cache-control")).toBe("no-cache");
    expect(first.headers.get("x-tabgrad-version")).toBe("3");
    expect(await body(first)).toEqual([0, 0, 128, 63, 3]);
    const known = { headers: { "if-none-match": first.headers.get("etag")! } };
    const again = await fetch(`${origin}/parameters`, known);
    expect(again.status).toBe(304);
    expect(again.headers.get("x-tabgrad-version")).toBe("3");
    version = 4;
    const newer = await fetch(`${origin}/parameters`, known);
    expect(newer.status).toBe(200);
    expect(await body(newer)).toEqual([0, 0, 128, 63, 4]);
  });

  it("answers HEAD with the headers alone", async () => {
    const response = await fetch(`${origin}/shards/${hash}`, { method: "HEAD" });
    expect(response.headers.get("content-length")).toBe("100");
    expect(await body(response)).toEqual([]);
  });
});

it("reads ranges as RFC 9110 has them", () => {
  expect(parseRange(undefined, 100)).toBeUndefined();
  expect(parseRange("bytes=0-", 100)).toEqual([0, 100]);
  expect(parseRange("bytes=-10", 100)).toEqual([90, 100]);
  expect(parseRange("bytes=90-500", 100)).toEqual([90, 100]);
  expect(parseRange("bytes=5-4", 100)).toBe("unsatisfiable");
  expect(parseRange("bytes=-", 100)).toBeUndefined();
  expect(parseRange("items=1-2", 100)).toBeUndefined();
});
