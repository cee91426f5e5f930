// Where the coordinator keeps the bytes of shards, by their hash. An interface, so that a disk can stand in for memory.
import { createHash } from "node:crypto";

export interface ShardStore {
  has(hash: string): boolean;
  /** The bytes of a shard. Shared: do not write to them. @throws RangeError where there is no such shard; ask `has` first. */
  read(hash: string): Promise<Uint8Array> | Uint8Array;
}

/** The name of a shard: SHA-256 of its bytes, 64 hexadecimal digits. */
export function shardHash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Keeps every shard in memory. */
export class MemoryShardStore implements ShardStore {
  readonly #shards = new Map<string, Uint8Array>();

  /** Keeps `bytes` and returns their hash. */
  add(bytes: Uint8Array): string {
    const hash = shardHash(bytes);
    this.#shards.set(hash, bytes);
    return hash;
  }

  has(hash: string): boolean {
    return this.#shards.has(hash);
  }

  read(hash: string): Uint8Array {
    const bytes = this.#shards.get(hash);
    if (!bytes) throw new RangeError(`there is no shard ${hash}`);
    return bytes;
  }
}
