// The flat vector of parameters or gradients, cut into chunks: all the arithmetic of it.
import { violation } from "./check.ts";

/** `elements` values in chunks of `chunkElements`; the last one may be shorter. */
export interface ChunkLayout {
  readonly elements: number;
  readonly chunkElements: number;
  /** How many chunks there are. */
  readonly count: number;
}

/** 256 KiB: what a socket moves best, and small enough to be reduced while the rest arrives. */
export const defaultChunkElements = 65_536;

export function chunkLayout(elements: number, chunkElements: number = defaultChunkElements): ChunkLayout {
  return { elements, chunkElements, count: Math.ceil(elements / chunkElements) };
}

/** Where a chunk begins in the flat vector, in values. */
export function chunkOffset(layout: ChunkLayout, chunk: number): number {
  return chunk * layout.chunkElements;
}

/** How many values a chunk has. */
export function chunkLength(layout: ChunkLayout, chunk: number): number {
  return Math.min(layout.chunkElements, layout.elements - chunk * layout.chunkElements);
}

/** A chunk of a flat vector, without copying it. */
export function chunkOf(layout: ChunkLayout, vector: Float32Array, chunk: number): Float32Array {
  const offset = chunkOffset(layout, chunk);
  return vector.subarray(offset, offset + chunkLength(layout, chunk));
}

/** @throws TabgradError PROTOCOL_VIOLATION where there is no such chunk, or it has not that many values. */
export function checkChunk(layout: ChunkLayout, chunk: number, values: Float32Array): void {
  if (chunk >= layout.count) throw violation(`chunk ${chunk} of a vector that has chunks 0 to ${layout.count - 1}`);
  const expected = chunkLength(layout, chunk);
  if (values.length !== expected) throw violation(`chunk ${chunk} has ${values.length} values; it must have ${expected}`);
}

/** Which chunks of one vector are there. */
export class ChunkSet {
  readonly layout: ChunkLayout;
  readonly #there: Uint8Array;
  #missing: number;

  constructor(layout: ChunkLayout) {
    this.layout = layout;
    this.#there = new Uint8Array(layout.count);
    this.#missing = layout.count;
  }

  /** @throws TabgradError PROTOCOL_VIOLATION where the chunk was there already. */
  add(chunk: number): void {
    if (this.#there[chunk] !== 0) throw violation(`chunk ${chunk} came twice`);
    this.#there[chunk] = 1;
    this.#missing -= 1;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  get missing(): number {
    return this.#missing;
  }
}
