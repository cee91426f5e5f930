// Keeps shards in one file on disk, one after another.
import { type FileHandle, open } from "node:fs/promises";
import type { ShardInfo } from "@tabgrad/core";
import { TabgradError } from "@tabgrad/core";
import { shardHash, type ShardStore } from "./store.ts";

interface Place {
  readonly offset: number;
  readonly bytes: number;
}

export class DiskShardStore implements ShardStore {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #places = new Map<string, Place>();
  /** Shards whose bytes were compared with their hash. */
  readonly #verified = new Set<string>();

  private constructor(path: string, file: FileHandle, shards: readonly ShardInfo[]) {
    this.#path = path;
    this.#file = file;
    let offset = 0;
    for (const { hash, bytes } of shards) {
      this.#places.set(hash, { offset, bytes });
      offset += bytes;
    }
  }

  /** The file at `path` has the shards in this order. It stays open until `close`. */
  static async open(path: string, shards: readonly ShardInfo[]): Promise<DiskShardStore> {
    return new DiskShardStore(path, await open(path, "r"), shards);
  }

  has(hash: string): boolean {
    return this.#places.has(hash);
  }

  /** @throws TabgradError DATA_SHARD_CORRUPT where the disk has other bytes than were written. */
  async read(hash: string): Promise<Uint8Array> {
    const place = this.#places.get(hash);
    if (!place) throw new RangeError(`there is no shard ${hash}`);
    const bytes = new Uint8Array(place.bytes);
    const { bytesRead } = await this.#file.read(bytes, 0, place.bytes, place.offset);
    if (this.#verified.has(hash)) return bytes;
    if (bytesRead !== place.bytes || shardHash(bytes) !== hash) {
      throw new TabgradError(
        "DATA_SHARD_CORRUPT",
        `${this.#path}: the ${place.bytes} bytes from ${place.offset} on are not those of shard ${hash}`,
        "The disk damaged the file. Remove its folder: the data is then read again.",
      );
    }
    this.#verified.add(hash);
    return bytes;
  }

  /** Waits for what is being read. Nothing can be read afterwards. */
  close(): Promise<void> {
    return this.#file.close();
  }
}
