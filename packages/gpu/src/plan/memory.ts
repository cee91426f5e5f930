// The memory plan: gives every tensor of the arena a place before anything runs, so that tensors that do not live at the same time
// share memory. Greedy by size: Pisarchyk & Lee 2020, "Efficient Memory Management for Deep Neural Net Inference",
// https://arxiv.org/abs/2001.03288.
import type { Dispatch } from "../wgsl/shader.ts";
import { aligned, wordsOf, type Tensor } from "./tensor.ts";

/** When a tensor must keep its place: from the first dispatch that writes it to the last one that reads it. */
export interface Lifetime {
  readonly tensor: number;
  /** Of four bytes. */
  readonly words: number;
  readonly first: number;
  readonly last: number;
}

export interface Place {
  /** Which buffer of the arena. */
  readonly buffer: number;
  /** In words, a multiple of the alignment. */
  readonly offset: number;
}

export interface MemoryPlan {
  readonly places: ReadonlyMap<number, Place>;
  /** Words of each buffer of the arena. */
  readonly buffers: readonly number[];
}

/** @param inputs tensors that are filled before the first dispatch */
export function lifetimes(tensors: readonly Tensor[], dispatches: readonly Dispatch[], inputs: readonly Tensor[]): Lifetime[] {
  const first = new Map<number, number>(inputs.map((tensor) => [tensor.id, -1]));
  const last = new Map(first);
  dispatches.forEach(({ bindings }, time) => {
    for (const { tensor } of bindings) {
      if (!first.has(tensor.id)) first.set(tensor.id, time);
      last.set(tensor.id, time);
    }
  });
  return tensors.flatMap((tensor) => {
    const { id, storage } = tensor;
    if (storage !== "arena" || !first.has(id)) return [];
    return [{ tensor: id, words: wordsOf(tensor), first: first.get(id)!, last: last.get(id)! }];
  });
}

/** @param maxWords the most that one buffer may have; a tensor has no more */
export function planMemory(lives: readonly Lifetime[], maxWords: number): MemoryPlan {
  const placed: (Lifetime & Place)[] = [];
  const buffers: number[] = [];
  for (const life of [...lives].sort((a, b) => b.words - a.words || a.first - b.first || a.tensor - b.tensor)) {
    const place = firstGap(life, placed, maxWords);
    placed.push({ ...life, ...place });
    buffers[place.buffer] = Math.max(buffers[place.buffer] ?? 0, place.offset + aligned(life.words));
  }
  return { places: new Map(placed.map(({ tensor, buffer, offset }) => [tensor, { buffer, offset }])), buffers };
}

/** The lowest place, in the first buffer that has one, that no tensor alive at the same time takes. */
function firstGap(life: Lifetime, placed: readonly (Lifetime & Place)[], maxWords: number): Place {
  const size = aligned(life.words);
  const rivals = placed.filter((other) => other.first <= life.last && life.first <= other.last).sort((a, b) => a.offset - b.offset);
  for (let buffer = 0; ; buffer++) {
    const here = rivals.filter((other) => other.buffer === buffer);
    let offset = 0;
    for (const other of here) {
      if (offset + size <= other.offset) break;
      offset = Math.max(offset, other.offset + aligned(other.words));
    }
    if (here.length === 0 || offset + size <= maxWords) return { buffer, offset };
  }
}
