// Parameters as they arrive: chunks of one or several versions, each put into its flat vector. Buffers go to the engine and come back.
import { type ChunkLayout, checkChunk, chunkOffset, ChunkSet } from "../protocol/chunks.ts";

interface Arriving {
  readonly buffer: ArrayBuffer;
  readonly values: Float32Array;
  readonly chunks: ChunkSet;
}

/** Buffers to keep for later versions: one is filled while the engine reads another. */
const spares = 2;

export class ParameterAssembly {
  readonly #layout: ChunkLayout;
  readonly #versions = new Map<number, Arriving>();
  readonly #spare: ArrayBuffer[] = [];

  constructor(layout: ChunkLayout) {
    this.#layout = layout;
  }

  /**
   * Copies a chunk to its place. True where it was the last one of its version.
   * @throws TabgradError PROTOCOL_VIOLATION: no such chunk, of another length, or there already
   */
  store(version: number, chunk: number, values: Float32Array): boolean {
    checkChunk(this.#layout, chunk, values);
    const arriving = this.#versions.get(version) ?? this.#begin(version);
    arriving.chunks.add(chunk);
    arriving.values.set(values, chunkOffset(this.#layout, chunk));
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

  /** Takes a buffer back that is no longer read. */
  recycle(buffer: ArrayBuffer): void {
    const fits = buffer.byteLength === this.#layout.elements * Float32Array.BYTES_PER_ELEMENT;
    if (fits && this.#spare.length < spares) this.#spare.push(buffer);
  }

  #begin(version: number): Arriving {
    const buffer = this.#spare.pop() ?? new ArrayBuffer(this.#layout.elements * Float32Array.BYTES_PER_ELEMENT);
    const arriving = { buffer, values: new Float32Array(buffer), chunks: new ChunkSet(this.#layout) };
    this.#versions.set(version, arriving);
    return arriving;
  }
}
