// One port that speaks http, https and WebSockets, on real loopback sockets.
import { generate } from "selfsigned";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Port, type PortOptions, type TlsPair } from "../src/rim/port.ts";
import { foreignOrigin } from "../src/rim/upgrades.ts";

let tls: TlsPair;
beforeAll(async () => {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  tls = { key, cert };
});

const large = Buffer.alloc(8 * 2 ** 20, "tabgrad ");
const answer: RequestListener = (request, response) => {
  response.end(request.url === "/large" ? large : "encrypted" in request.socket ? "over TLS" : "in the clear");
};

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: Partial<PortOptions> = {}): Promise<Port> {
  const sockets = new WebSocketServer({ noServer: true });
  sockets.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => socket.send(data));
  });
  const upgrades = new Map([["/echo", sockets]]);
  const port = await Port.open({ host: "127.0.0.1", port: 0, answer, upgrades, ...options });
  cleanups.push(() => port.close());
  return port;
}

const clear = async (port: Port, path = "/"): Promise<string> => (await fetch(`http://127.0.0.1:${port.number}${path}`)).text();

const encrypted = (port: Port, path = "/"): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest({ host: "127.0.0.1", port: port.number, path, ca: tls.cert, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part)).once("end", () => resolve(Buffer.concat(parts).toString()));
    });
    request.once("error", reject).end();
  });

async function echo(url: string, message: Buffer, options: object = {}): Promise<Buffer> {
  const socket = new WebSocket(url, options);
  cleanups.push(async () => socket.terminate());
  await once(socket, "open");
  socket.send(message);
  const [data] = (await once(socket, "message")) as [Buffer];
  return data;
}

/** What a request for a WebSocket is answered with where it is refused. */
function refusal(url: string, origin?: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { origin });
    socket.once("open", () => reject(new Error("it was let in")));
    socket.once("unexpected-response", (_, response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.once("end", () => resolve({ status: response.statusCode, body }));
    });
  });
}

describe("a port with a certificate", () => {
  it("speaks http and https", async () => {
    const port = await open({ tls });
    expect(await clear(port)).toBe("in the clear");
    expect(await encrypted(port)).toBe("over TLS");
  });

  it("carries much over both", async () => {
    const port = await open({ tls });
    expect(await clear(port, "/large")).toBe(large.toString());
    expect(await encrypted(port, "/large")).toBe(large.toString());
  });

  it("has WebSockets on both", async () => {
    const port = await open({ tls });
    const loud = await echo(`ws://127.0.0.1:${port.number}/echo`, large);
    const quiet = await echo(`wss://127.0.0.1:${port.number}/echo`, large, { ca: tls.cert });
    expect(loud.equals(large)).toBe(true);
    expect(quiet.equals(large)).toBe(true);
  });

  it("takes no certificate with another's key", async () => {
    const { private: key } = await generate(undefined, { keyType: "ec", algorithm: "sha256" });
    await expect(open({ tls: { key, cert: tls.cert } })).rejects.toMatchObject({ code: "TLS_INVALID" });
    await expect(open({ tls: { key: "no key", cert: tls.cert } })).rejects.toMatchObject({ code: "TLS_INVALID" });
  });
});

describe("a port", () => {
  it("cuts a connection that says nothing", async () => {
    const port = await open({ firstByteMs: 1 });
    const socket = connect(port.number, "127.0.0.1");
    socket.resume();
    await once(socket, "close");
  });

  it("cuts everything when it is closed: what is silent, what is open, and what is a WebSocket", async () => {
    const port = await open({ tls });
    const silent = connect(port.number, "127.0.0.1");
    const idle = connect(port.number, "127.0.0.1");
    await Promise.all([silent, idle].map((socket: Socket) => once(socket, "connect")));
    idle.write("GET / HTTP/1.1\r\nhost: tabgrad\r\n\r\n");
    await once(idle, "data");
    const socket = new WebSocket(`wss://127.0.0.1:${port.number}/echo`, { ca: tls.cert });
    await once(socket, "open");
    const closed = [silent, idle, socket].map((each) => {
      each.on("error", () => undefined);
      return once(each, "close");
    });
    silent.resume();
    await port.close();
    await Promise.all(closed);
    await expect(clear(port)).rejects.toThrow();
  });

  it("survives bytes that are no protocol's", async () => {
    const port = await open({ tls });
    for (const bytes of [Buffer.from([0x16, 3, 1, 0, 2, 9, 9]), Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"), Buffer.from([0])]) {
      const socket = connect(port.number, "127.0.0.1");
      socket.on("error", () => undefined).resume();
      socket.end(bytes);
      await once(socket, "close");
    }
    expect(await clear(port)).toBe("in the clear");
  });

  it("names the port that is taken", async () => {
    const { number } = await open();
    await expect(open({ port: number })).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining(String(number)) as string,
    });
    await expect(open({ host: "192.0.2.1" })).rejects.toMatchObject({ code: "ADDRESS_UNAVAILABLE" });
  });
});

describe("a request for a WebSocket", () => {
  it("is refused where there is none, and told where there are some", async () => {
    const port = await open();
    expect(await refusal(`ws://127.0.0.1:${port.number}/elsewhere`)).toMatchObject({
      status: 404,
      body: expect.stringContaining("/echo") as string,
    });
  });

  it("is refused to another site's page, with the reason", async () => {
    const port = await open();
    const { status, body } = await refusal(`ws://127.0.0.1:${port.number}/echo`, "https://elsewhere.example");
    expect(status).toBe(403);
    expect(body).toContain("A page from https://elsewhere.example asked");
  });

  it("is granted to the coordinator's own pages", async () => {
    const port = await open();
    const address = `127.0.0.1:${port.number}`;
    const message = Buffer.from("hello");
    expect(await echo(`ws://${address}/echo?x=1`, message, { origin: `http://${address}` })).toEqual(message);
  });
});

it.each([
  [undefined, "127.0.0.1:7070", true],
  ["http://127.0.0.1:7070", "127.0.0.1:7070", true],
  ["https://run.example", "RUN.example", true],
  ["http://127.0.0.1:7071", "127.0.0.1:7070", false],
  ["http://localhost:7070", "127.0.0.1:7070", false],
  ["null", "127.0.0.1:7070", false],
  ["http://127.0.0.1:7070", undefined, false],
])("origin %s at host %s: granted is %s", (origin, host, granted) => {
  expect(foreignOrigin(origin, host) === undefined).toBe(granted);
});
