// Parameters as they arrive: chunks of one or several versions, each put into its flat vector, around what is frozen and came before all of
// them. Buffers go to the engine and come back.
import { violation } from "../protocol/check.ts";
import { checkChunk, chunkOf, chunkOffset, ChunkSet } from "../protocol/chunks.ts";
import { PackedLayout } from "../protocol/packed-layout.ts";

interface Arriving {
  readonly buffer: ArrayBuffer;
  readonly values: Float32Array;
  readonly chunks: ChunkSet;
}

/** Buffers to keep for later versions: one is filled while the engine reads another. */
const spares = 2;

export class ParameterAssembly {
  readonly #moving: PackedLayout;
  readonly #frozen: PackedLayout;
  readonly #frozenValues: Float32Array;
  readonly #frozenChunks: ChunkSet;
  readonly #versions = new Map<number, Arriving>();
  readonly #spare: ArrayBuffer[] = [];

  /**
   * @param moving what every version brings of the flat vector
   * @param frozen the rest of it
   */
  constructor(moving: PackedLayout, frozen: PackedLayout = new PackedLayout([])) {
    this.#moving = moving;
    this.#frozen = frozen;
    this.#frozenValues = new Float32Array(frozen.chunks.elements);
    this.#frozenChunks = new ChunkSet(frozen.chunks);
  }

  /**
   * Keeps a chunk of what is frozen.
   * @throws TabgradError PROTOCOL_VIOLATION: no such chunk, of another length, or there already
   */
  storeFrozen(chunk: number, values: Float32Array): void {
    checkChunk(this.#frozen.chunks, chunk, values);
    this.#frozenChunks.add(chunk);
    this.#frozenValues.set(values, chunkOffset(this.#frozen.chunks, chunk));
  }

  /**
   * Copies a chunk to its place. True where it was the last one of its version.
   * @throws TabgradError PROTOCOL_VIOLATION: no such chunk, of another length, there already, or before all that is frozen was there
   */
  store(version: number, chunk: number, values: Float32Array): boolean {
    const { missing } = this.#frozenChunks;
    if (missing > 0) throw violation(`version ${version} of the parameters came before ${missing} chunks of what is frozen`);
    checkChunk(this.#moving.chunks, chunk, values);
    const arriving = this.#versions.get(version) ?? this.#begin(version);
    arriving.chunks.add(chunk);
    this.#moving.spread(chunk, values, (offset, part) => arriving.values.set(part, offset));
    return arriving.chunks.complete;
  }

  /** Hands out the flat vector of a complete version, and forgets the version. */
  take(version: number): ArrayBuffer {
    const arriving = this.#versions.get(version);
    if (!arriving?.chunks.complete) throw new Error(`version ${version} of the parameters is not complete`);
    this.#versions.delete(version);
    return arriving.buffer;
  }

  drop(version: number): void {
    const arriving = this.#versions.get(version);
    if (!arriving) return;
    this.#versions.delete(version);
    this.recycle(arriving.buffer);
  }

  /** Takes a buffer back that is no longer read, and was not written to. */
  recycle(buffer: ArrayBuffer): void {
    if (buffer.byteLength === this.#bytes && this.#spare.length < spares) this.#spare.push(buffer);
  }

  get #bytes(): number {
    return (this.#moving.chunks.elements + this.#frozen.chunks.elements) * Float32Array.BYTES_PER_ELEMENT;
  }

  #begin(version: number): Arriving {
    const buffer = this.#spare.pop() ?? this.#fresh();
    const arriving = { buffer, values: new Float32Array(buffer), chunks: new ChunkSet(this.#moving.chunks) };
    this.#versions.set(version, arriving);
    return arriving;
  }

  /** With what is frozen in its place, where it stays from version to version. */
  #fresh(): ArrayBuffer {
    const buffer = new ArrayBuffer(this.#bytes);
    const vector = new Float32Array(buffer);
    const { chunks } = this.#frozen;
    for (let chunk = 0; chunk < chunks.count; chunk++) {
      const values = chunkOf(chunks, this.#frozenValues, chunk);
      this.#frozen.spread(chunk, values, (offset, part) => vector.set(part, offset));
    }
    return buffer;
  }
}
