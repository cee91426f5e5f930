// Shards over http. A shard is named by its content, so it can be cached for ever, and served from elsewhere.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ShardStore } from "@tabgrad/data";
import { notFound, send } from "./reply.ts";

export async function sendShard(
  store: ShardStore,
  hash: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!store.has(hash)) return send(request, response, notFound(`This run has no shard ${hash.slice(0, 64)}.`));
  const bytes = await store.read(hash);
  const headers = {
    "cache-control": "public, max-age=31536000, immutable",
    "accept-ranges": "bytes",
    etag: `"${hash}"`,
    // Pages of other origins may read shards: they are what the link to the run shares anyway.
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
  };
  const type = "application/octet-stream";
  const range = parseRange(request.headers.range, bytes.length);
  if (range === undefined) return send(request, response, { type, body: bytes, headers });
  if (range === "unsatisfiable") {
    const contentRange = { "content-range": `bytes */${bytes.length}` };
    return send(request, response, { status: 416, type, body: "", headers: { ...headers, ...contentRange } });
  }
  const [from, to] = range;
  const contentRange = { "content-range": `bytes ${from}-${to - 1}/${bytes.length}` };
  send(request, response, { status: 206, type, body: bytes.subarray(from, to), headers: { ...headers, ...contentRange } });
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
