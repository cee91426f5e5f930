// The coordinator's http side: who it is, and the shards. A shard is named by its content, so it can be cached for ever, and served
// from elsewhere.
import { TabgradError } from "@tabgrad/core";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ShardStore } from "../data/index.ts";

export interface HttpContent {
  readonly store: ShardStore;
  /** What /tabgrad.json answers. */
  readonly identity: () => Readonly<Record<string, unknown>>;
}

export function createHttpServer(content: HttpContent): Server {
  return createServer((request, response) => {
    answer(content, request, response).catch(() => response.destroy());
  });
}

async function answer({ store, identity }: HttpContent, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://coordinator");
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
  } else if (pathname === "/tabgrad.json") {
    sendText(response, "application/json", `${JSON.stringify(identity())}\n`);
  } else if (pathname === "/") {
    sendText(
      response,
      "text/plain",
      `This is a tabgrad coordinator. Join it from a terminal:\n\n  npx tabgrad worker http://${request.headers.host}\n`,
    );
  } else if (pathname.startsWith("/shards/")) {
    await sendShard(store, pathname.slice("/shards/".length), request, response);
  } else {
    response.writeHead(404, { "content-type": "text/plain" }).end("Not found. This is a tabgrad coordinator.\n");
  }
}

function sendText(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" }).end(text);
}

async function sendShard(store: ShardStore, hash: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!store.has(hash)) {
    response.writeHead(404, { "content-type": "text/plain" }).end(`This run has no shard ${hash.slice(0, 64)}.\n`);
    return;
  }
  const bytes = await store.read(hash);
  const headers = {
    "content-type": "application/octet-stream",
    "cache-control": "public, max-age=31536000, immutable",
    "accept-ranges": "bytes",
    etag: `"${hash}"`,
    // Pages of other origins may read shards: they are what the link to the run shares anyway.
    "access-control-allow-origin": "*",
  };
  if (request.headers["if-none-match"] === headers.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = parseRange(request.headers.range, bytes.length);
  if (range === "unsatisfiable") {
    response.writeHead(416, { ...headers, "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const [from, to] = range ?? [0, bytes.length];
  const partial = range && { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` };
  response.writeHead(range ? 206 : 200, { ...headers, ...partial, "content-length": to - from });
  response.end(request.method === "HEAD" ? undefined : bytes.subarray(from, to));
}

/** A single byte range (RFC 9110 §14.1.2) as [from, to); undefined if none was asked for or the header is not understood. */
export function parseRange(header: string | undefined, length: number): [number, number] | "unsatisfiable" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [from, to] =
    match[1] === ""
      ? [Math.max(0, length - Number(match[2])), length]
      : [Number(match[1]), match[2] === "" ? length : Math.min(Number(match[2]) + 1, length)];
  return from >= to ? "unsatisfiable" : [from, to];
}

/** Listens. @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE */
export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") {
        reject(
          new TabgradError(
            "PORT_IN_USE",
            `Port ${port} on ${host} is in use by another program`,
            "Stop that program, or choose another port with --port.",
          ),
        );
      } else {
        reject(
          new TabgradError(
            "ADDRESS_UNAVAILABLE",
            `Cannot listen on ${host}:${port}: ${error.message}`,
            "Choose an address of this machine with --host, and a port from 1024 with --port.",
          ),
        );
      }
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}
