// The http side on a real loopback socket.
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer, listen, parseRange } from "../src/rim/http.ts";

const hash = "ab".repeat(32);
const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

let server: Server;
let origin: string;
beforeEach(async () => {
  server = createHttpServer({
    store: { has: (name) => name === hash, read: () => bytes },
    identity: () => ({ tabgrad: "coordinator", protocol: 1 }),
  });
  const address: AddressInfo = await listen(server, 0, "127.0.0.1");
  origin = `http://127.0.0.1:${address.port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

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

  it("names the port that is taken", async () => {
    const { port } = server.address() as AddressInfo;
    const second = createHttpServer({ store: { has: () => false, read: () => bytes }, identity: () => ({}) });
    await expect(listen(second, port, "127.0.0.1")).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(port)) as string,
    });
    await expect(listen(second, 0, "192.0.2.1")).rejects.toMatchObject({ code: "ADDRESS_UNAVAILABLE" });
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
