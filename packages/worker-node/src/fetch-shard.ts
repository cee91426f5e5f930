// Shards over HTTP, from the coordinator or from whatever it stands behind.
import { missingShard, ShardBytes, type ShardInfo, shardPath, TabgradError } from "@tabgrad/core";
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
    throw missingShard(shard, response.status);
  } catch (error) {
    if (error instanceof TabgradError) throw error;
    throw unreachable(url, `shard ${shard.hash.slice(0, 12)}…: ${causeOf(error).message}`, error);
  }
}

async function bytesOf(response: Response, shard: ShardInfo): Promise<ArrayBuffer> {
  const received = new ShardBytes(shard);
  for await (const piece of response.body ?? []) received.add(piece as Uint8Array);
  return received.take();
}
