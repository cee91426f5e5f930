// Shards over HTTP, from where the page came from. They never change, so the browser's cache answers for those that were here before.
import { missingShard, ShardBytes, type ShardInfo, shardPath, TabgradError } from "@tabgrad/core";
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
    throw missingShard(shard, response.status);
  } catch (error) {
    throw error instanceof TabgradError ? error : unreachable(url, error);
  }
}

async function bytesOf(response: Response, shard: ShardInfo, traffic: Traffic): Promise<ArrayBuffer> {
  const received = new ShardBytes(shard);
  const reader = response.body!.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      traffic.down += part.value.length;
      received.add(part.value);
    }
  } catch (error) {
    await reader.cancel();
    throw error;
  }
  return received.take();
}
