// Shards over HTTP, from where the page came from. They never change, so the browser's cache answers for those that were here before.
import { type ShardInfo, shardPath, TabgradError } from "@tabgrad/core";
import { unreachable } from "./discover.ts";
import type { Traffic } from "./traffic.ts";

/**
 * The bytes of a shard, exactly as many as it is said to have; not verified otherwise.
 * @throws TabgradError DATA_NOT_FOUND, DATA_SHARD_CORRUPT, COORDINATOR_UNREACHABLE
 */
export async function fetchShard(url: string, shard: ShardInfo, traffic: Traffic, signal: AbortSignal): Promise<ArrayBuffer> {
  try {
    const response = await fetch(new URL(shardPath(shard.hash), url), { signal });
    if (response.ok) return await bytesOf(response, shard, traffic);
    await response.body?.cancel();
    throw missing(shard, response.status);
  } catch (error) {
    throw error instanceof TabgradError ? error : unreachable(url, error);
  }
}

/** Reads no more than was promised, whoever answers. */
async function bytesOf(response: Response, { hash, bytes }: ShardInfo, traffic: Traffic): Promise<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  const reader = response.body!.getReader();
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const piece = part.value;
    traffic.down += piece.length;
    if (length + piece.length > bytes) {
      await reader.cancel();
      throw wrongLength(hash, `more than ${bytes}`, bytes);
    }
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
    "Something between coordinator and tab changes what it passes on, or the coordinator's shards were damaged: start it again.",
  );
}
