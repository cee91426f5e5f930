// Parts of the flat vector as they go over the wire: packed one after another, in chunks. What is trained goes up as a gradient and down
// with every version; what is frozen has no gradient, and goes down once.
import type { ParameterSlot } from "../graph/graph.ts";
import { type ChunkLayout, chunkLayout, chunkLength, defaultChunkElements } from "./chunks.ts";

/** A part of the flat vector: so many values, the first one's place. */
export interface Stretch {
  readonly offset: number;
  readonly count: number;
}

/** What is not frozen, in order; neighbours are one stretch. */
export function trainedStretches(slots: readonly Pick<ParameterSlot, "frozen" | "offset" | "elements">[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const { frozen, offset, elements } of slots) {
    if (frozen || elements === 0) continue;
    const last = stretches.at(-1);
    if (last && last.offset + last.count === offset) stretches[stretches.length - 1] = { ...last, count: last.count + elements };
    else stretches.push({ offset, count: elements });
  }
  return stretches;
}

/** What lies before, between and behind the stretches, in a vector of so many values. */
export function otherStretches(stretches: readonly Stretch[], elements: number): Stretch[] {
  const others: Stretch[] = [];
  let end = 0;
  for (const { offset, count } of [...stretches, { offset: elements, count: 0 }]) {
    if (offset > end) others.push({ offset: end, count: offset - end });
    end = offset + count;
  }
  return others;
}

/** The stretches' values as one vector in chunks, and where each of them lies in the flat vector. */
export class PackedLayout {
  readonly chunks: ChunkLayout;
  readonly #places: readonly (readonly Stretch[])[];

  /** @param stretches ascending, none overlapping another */
  constructor(stretches: readonly Stretch[], chunkElements: number = defaultChunkElements) {
    const elements = stretches.reduce((total, { count }) => total + count, 0);
    this.chunks = chunkLayout(elements, chunkElements);
    this.#places = cutAlong(this.chunks, stretches);
  }

  /** Where the chunk's values lie in the flat vector, in their order. */
  places(chunk: number): readonly Stretch[] {
    return this.#places[chunk];
  }

  /** The chunk's values out of a flat vector: a view where they lie side by side, else a copy. */
  pick(vector: Float32Array, chunk: number): Float32Array {
    const places = this.#places[chunk];
    const [{ offset, count }] = places;
    if (places.length === 1) return vector.subarray(offset, offset + count);
    const values = new Float32Array(chunkLength(this.chunks, chunk));
    this.#each(chunk, (place, start) => values.set(vector.subarray(place.offset, place.offset + place.count), start));
    return values;
  }

  /** Hands out the chunk's values piece by piece, each with its offset in the flat vector. */
  spread(chunk: number, values: Float32Array, put: (offset: number, values: Float32Array) => void): void {
    this.#each(chunk, ({ offset, count }, start) => put(offset, values.subarray(start, start + count)));
  }

  #each(chunk: number, visit: (place: Stretch, start: number) => void): void {
    let start = 0;
    for (const place of this.#places[chunk]) {
      visit(place, start);
      start += place.count;
    }
  }
}

/** For each chunk the parts of the stretches that it is made of. */
function cutAlong(chunks: ChunkLayout, stretches: readonly Stretch[]): Stretch[][] {
  const places: Stretch[][] = [];
  let [next, used] = [0, 0];
  for (let chunk = 0; chunk < chunks.count; chunk++) {
    places.push([]);
    for (let left = chunkLength(chunks, chunk); left > 0;) {
      const stretch = stretches[next];
      const count = Math.min(left, stretch.count - used);
      places[chunk].push({ offset: stretch.offset + used, count });
      [left, used] = [left - count, used + count];
      if (used === stretch.count) [next, used] = [next + 1, 0];
    }
  }
  return places;
}
