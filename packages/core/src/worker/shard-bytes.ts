// A shard as it arrives over HTTP, in a process or in a tab: no more of it is taken than was promised, whoever answers.
import type { ShardInfo } from "../data/layout.ts";
import { TabgradError } from "../errors.ts";

export class ShardBytes {
  readonly #shard: ShardInfo;
  readonly #whole: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(shard: ShardInfo) {
    this.#shard = shard;
    this.#whole = new Uint8Array(shard.bytes);
  }

  /** @throws TabgradError DATA_SHARD_CORRUPT where it is more than was promised */
  add(piece: Uint8Array): void {
    if (this.#length + piece.length > this.#shard.bytes) throw this.#wrongLength(`more than ${this.#shard.bytes}`);
    this.#whole.set(piece, this.#length);
    this.#length += piece.length;
  }

  /** All of it. @throws TabgradError DATA_SHARD_CORRUPT where it is less than was promised */
  take(): ArrayBuffer {
    if (this.#length < this.#shard.bytes) throw this.#wrongLength(`${this.#length}`);
    return this.#whole.buffer;
  }

  #wrongLength(found: string): TabgradError {
    const { hash, bytes } = this.#shard;
    return new TabgradError(
      "DATA_SHARD_CORRUPT",
      `shard ${hash.slice(0, 12)}… came with ${found} bytes instead of ${bytes}`,
      "Something between coordinator and worker changes what it passes on, or the coordinator's shards were damaged: start it again.",
    );
  }
}

/** What it means that a shard was asked for and this status came. */
export const missingShard = ({ hash }: ShardInfo, status: number): TabgradError =>
  new TabgradError(
    "DATA_NOT_FOUND",
    `the coordinator answered with status ${status} when asked for shard ${hash.slice(0, 12)}…`,
    "Its shards are gone or were moved: start the coordinator again.",
  );
