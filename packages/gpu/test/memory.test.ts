// The memory plan by itself: no device.
import { parameterElements } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joined, layoutOf } from "../src/plan/layout.ts";
import { planMemory, type Lifetime } from "../src/plan/memory.ts";
import { aligned, alignment } from "../src/plan/tensor.ts";
import { compileVariant } from "../src/variant.ts";
import { limits, mlp } from "./support.ts";

const someLives = fc
  .array(
    fc.record({ words: fc.integer({ min: 1, max: 500 }), first: fc.integer({ min: -1, max: 20 }), length: fc.nat({ max: 8 }) }),
    {
      maxLength: 40,
    },
  )
  .map((list): Lifetime[] => list.map(({ words, first, length }, tensor) => ({ tensor, words, first, last: first + length })));

function expectNoOverlap(lives: readonly Lifetime[], maxWords: number): void {
  const { places, buffers } = planMemory(lives, maxWords);
  for (const life of lives) {
    const { buffer, offset } = places.get(life.tensor)!;
    expect(offset % alignment).toBe(0);
    expect(offset + life.words).toBeLessThanOrEqual(buffers[buffer]);
    for (const other of lives) {
      const at = places.get(other.tensor)!;
      if (other.tensor <= life.tensor || at.buffer !== buffer || other.first > life.last || life.first > other.last) continue;
      expect(offset + aligned(life.words) <= at.offset || at.offset + aligned(other.words) <= offset).toBe(true);
    }
  }
  buffers.forEach((words) => expect(words).toBeLessThanOrEqual(Math.max(maxWords, 0)));
}

describe("the memory plan", () => {
  it("never gives two living tensors the same memory, and keeps within a buffer's size", () => {
    fc.assert(fc.property(someLives, (lives) => expectNoOverlap(lives, 512)));
    fc.assert(fc.property(someLives, (lives) => expectNoOverlap(lives, 2 ** 28)));
  });

  it("gives a chain of tensors the memory of two", () => {
    const lives = Array.from({ length: 10 }, (_, i): Lifetime => ({ tensor: i, words: 64, first: i, last: i + 1 }));
    expect(planMemory(lives, 2 ** 20).buffers).toEqual([128]);
  });

  it("lets a training step's tensors share memory", () => {
    const forward = mlp([64, 256, 256, 256, 10]);
    const { lowered, memory } = compileVariant(forward, "train", 32, layoutOf(forward), limits);
    const unshared = lowered.tensors.reduce(
      (total, { storage, elements }) => total + (storage === "arena" ? aligned(elements) : 0),
      0,
    );
    expect(memory.buffers).toHaveLength(1);
    expect(memory.buffers[0]).toBeLessThan(0.8 * unshared);
  });
});

describe("the layout of parameters and gradients", () => {
  it("holds every value once, aligned", () => {
    const forward = mlp([5, 7, 3]);
    const layout = layoutOf(forward);
    const segments = [...layout.parameters.values()];
    expect(segments.reduce((total, { elements }) => total + elements, 0)).toBe(parameterElements(forward));
    segments.forEach(({ device }) => expect(device % alignment).toBe(0));
    expect(layout.sums).toEqual(["loss", "metric:accuracy"]);
  });

  it("joins segments that lie side by side in both places", () => {
    const segments = [
      { host: 0, device: 0, elements: 64 },
      { host: 64, device: 64, elements: 10 },
      { host: 74, device: 128, elements: 4 },
    ];
    expect(joined(segments)).toEqual([
      { host: 0, device: 0, elements: 74 },
      { host: 74, device: 128, elements: 4 },
    ]);
  });
});
