// Shards over HTTP, from the coordinator or from whatever it stands behind.
import { type ShardInfo, shardPath, TabgradError } from "@tabgrad/core";
import type { Response } from "undici";
import { causeOf, unreachable } from "./discover.ts";
import type { HttpClient } from "./http-client.ts";

/**
 * The bytes of a shard, exactly as many as it is said to have; not verified otherwise.
 * @throws TabgradError DATA_NOT_FOUND, DATA_SHARD_CORRUPT, COORDINATOR_UNREACHABLE
 */
export async function fetchShard(url: string, shard: ShardInfo, http: HttpClient, signal: AbortSignal): Promise<ArrayBuffer> {
  try {
    const response = await http.get(new URL(shardPath(shard.hash), url), signal);
    if (response.ok) return await bytesOf(response, shard);
    await response.body?.cancel();
    throw missing(shard, response.status);
  } catch (error) {
    if (error instanceof TabgradError) throw error;
    throw unreachable(url, `shard ${shard.hash.slice(0, 12)}…: ${causeOf(error).message}`, error);
  }
}

async function bytesOf(response: Response, { hash, bytes }: ShardInfo): Promise<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let length = 0;
  for await (const part of response.body ?? []) {
    const piece = part as Uint8Array;
    if (length + piece.length > bytes) throw wrongLength(hash, `more than ${bytes}`, bytes);
    whole.set(piece, length);
    length += piece.length;
  }
  if (length < bytes) throw wrongLength(hash, `${length}`, bytes);
  return whole.buffer;
}

function missing({ hash }: ShardInfo, status: number): TabgradError {
  return new TabgradError(
    "DATA_NOT_FOUND",
    `the coordinator answered with status ${status} when asked for shard ${hash.slice(0, 12)}…`,
    "Its shards are gone or were moved: start the coordinator again.",
  );
}

function wrongLength(hash: string, found: string, expected: number): TabgradError {
  return new TabgradError(
    "DATA_SHARD_CORRUPT",
    `shard ${hash.slice(0, 12)}… came with ${found} bytes instead of ${expected}`,
    "Something between coordinator and worker changes what it passes on, or the coordinator's shards were damaged: start it again.",
  );
}
