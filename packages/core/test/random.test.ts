// Keyed randomness: the generator against its authors' vectors, and the numbers made of it against what they claim to be.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyed, randomPurposes, threefry2x32 } from "../src/random/index.ts";
import { cosineOfTurn, logOfFraction, sineOfTurn } from "../src/random/normal.ts";

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function threefry(k0: number, k1: number, c0: number, c1: number): number[] {
  const out = new Uint32Array(2);
  threefry2x32(k0, k1, c0, c1, out);
  return [...out];
}

/** Mean and variance. */
function moments(values: Float32Array): [number, number] {
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
  }
  const mean = sum / values.length;
  return [mean, squares / values.length - mean * mean];
}

describe("threefry2x32", () => {
  it("gives the published answers (Random123, kat_vectors, threefry2x32 with 20 rounds)", () => {
    expect(threefry(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  it("changes about half of its bits when one bit of the key or the counter changes", () => {
    fc.assert(
      fc.property(fc.tuple(word, word, word, word), fc.nat(127), (input, bit) => {
        const changed = [...input] as [number, number, number, number];
        changed[bit >> 5] ^= 1 << (bit & 31);
        const [a0, a1] = threefry(...input);
        const [b0, b1] = threefry(...changed);
        const bits =
          ((a0 ^ b0) >>> 0).toString(2).replaceAll("0", "").length + ((a1 ^ b1) >>> 0).toString(2).replaceAll("0", "").length;
        expect(bits).toBeGreaterThan(10);
        expect(bits).toBeLessThan(54);
      }),
    );
  });
});

describe("keyed", () => {
  it("is fixed for ever: these numbers may never change, or a seed would mean another run", () => {
    const random = keyed(1, "initialise", 2, 3);
    expect(random.key).toEqual([422015406, 2866267440]);
    expect([0, 1, 2, 3].map((i) => random.word(i))).toEqual([3036403184, 352702778, 3436137661, 2440217660]);
    expect([0, 1].map((i) => random.normal(i))).toEqual([0.7243714544694955, 0.41088509806805495]);
    expect([...random.permutation(8)]).toEqual([1, 4, 3, 2, 5, 0, 6, 7]);
    expect([0, 1, 2].map((i) => random.integer(i, 1000))).toEqual([350, 578, 466]);
  });

  it("gives every (seed, purpose, counters) numbers of its own", () => {
    const seen = new Set<string>();
    let streams = 0;
    for (const seed of [0, 1, 2 ** 32 - 1]) {
      for (const purpose of Object.keys(randomPurposes) as (keyof typeof randomPurposes)[]) {
        for (const counters of [[], [0], [1], [0, 0], [0, 1], [1, 0], [2 ** 32 - 1]]) {
          const random = keyed(seed, purpose, ...counters);
          for (let i = 0; i < 4; i += 1) seen.add(`${random.word(2 * i)} ${random.word(2 * i + 1)}`);
          streams += 1;
        }
      }
    }
    expect(seen.size).toBe(streams * 4);
  });

  it("has one number for each purpose", () => {
    const numbers = Object.values(randomPurposes);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("refuses seeds and counters that are not 32-bit numbers", () => {
    for (const bad of [-1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => keyed(bad, "split")).toThrow(RangeError);
      expect(() => keyed(1, "split", bad)).toThrow(RangeError);
    }
  });

  it("fills with the very numbers that single reads give, in any order and whatever the length", () => {
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 33 }), (seed, counter, length) => {
        const random = keyed(seed, "dropout", counter);
        const uniform = new Float32Array(length);
        const normal = new Float32Array(length);
        random.fillUniform(uniform);
        random.fillNormal(normal);
        for (let i = length - 1; i >= 0; i -= 1) {
          expect(uniform[i]).toBe(random.uniform(i));
          expect(normal[i]).toBe(Math.fround(random.normal(i)));
        }
      }),
    );
  });
});

describe("uniform numbers", () => {
  it("have 24 bits, mean 1/2, variance 1/12, and fill [0, 1) evenly", () => {
    const values = new Float32Array(1 << 18);
    keyed(7, "sample").fillUniform(values);
    const counts = new Float64Array(64);
    expect(values.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24))).toBe(true);
    for (const value of values) counts[Math.floor(value * 64)] += 1;
    const [mean, variance] = moments(values);
    expect(mean).toBeCloseTo(0.5, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
    const expected = values.length / 64;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(110); // 63 degrees of freedom: one in 4000 is above 110.
  });

  it("scale to any interval", () => {
    const values = new Float32Array(10_000);
    keyed(7, "initialise").fillUniform(values, -3, 5);
    expect(values.every((value) => value >= -3 && value <= 5)).toBe(true);
    expect(moments(values)[0]).toBeCloseTo(1, 0);
  });
});

describe("normal numbers", () => {
  it("rest on a logarithm, sine and cosine that are right to the last bits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 24 - 1 }), (n) => {
        const angle = (2 * Math.PI * n) / 2 ** 24;
        expect(Math.abs(cosineOfTurn(n) - Math.cos(angle))).toBeLessThan(1e-15);
        expect(Math.abs(sineOfTurn(n) - Math.sin(angle))).toBeLessThan(1e-15);
        const log = Math.log((n + 1) / 2 ** 24);
        expect(Math.abs(logOfFraction(n + 1) - log)).toBeLessThanOrEqual(1e-15 * Math.max(1, Math.abs(log)));
      }),
      { numRuns: 5000 },
    );
    expect([0, 2 ** 22, 2 ** 23, 3 * 2 ** 22].map((n) => cosineOfTurn(n))).toEqual([1, -0, -1, 0]);
    expect(logOfFraction(2 ** 24)).toBe(0);
  });

  it("follow the normal distribution: the central shares and the tails", () => {
    const values = new Float32Array(1 << 18);
    keyed(7, "initialise").fillNormal(values);
    const [mean, variance] = moments(values);
    expect(mean).toBeCloseTo(0, 2);
    expect(variance).toBeCloseTo(1, 2);
    const within = (bound: number): number => values.filter((value) => Math.abs(value) < bound).length / values.length;
    // The share of a normal distribution within 0.5, 1, 2 and 3 standard deviations.
    expect(within(0.5)).toBeCloseTo(0.38292, 2);
    expect(within(1)).toBeCloseTo(0.68269, 2);
    expect(within(2)).toBeCloseTo(0.9545, 2);
    expect(within(3)).toBeCloseTo(0.9973, 3);
    expect(values.every((value) => Math.abs(value) < 5.78)).toBe(true);
  });

  it("are not correlated with their neighbours", () => {
    const values = new Float32Array(1 << 16);
    keyed(8, "initialise").fillNormal(values, 2, 3);
    const [mean, variance] = moments(values);
    expect(mean).toBeCloseTo(2, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(3, 1);
    for (const lag of [1, 2, 3]) {
      let sum = 0;
      for (let i = lag; i < values.length; i += 1) sum += (values[i] - mean) * (values[i - lag] - mean);
      expect(Math.abs(sum / values.length / variance)).toBeLessThan(0.02);
    }
  });
});

describe("integers and permutations", () => {
  it("stay below the bound and hit every value evenly", () => {
    const random = keyed(9, "sample");
    const counts = new Float64Array(7);
    for (let i = 0; i < 70_000; i += 1) counts[random.integer(i, 7)] += 1;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(25); // 6 degrees of freedom: one in 3000 is above 25.
  });

  it("are without bias where a remainder would have one", () => {
    // With bound 3 * 2^30, `word % bound` would give the lowest 2^30 values twice as often as the others.
    const random = keyed(10, "sample");
    const bound = 3 * 2 ** 30;
    let low = 0;
    for (let i = 0; i < 30_000; i += 1) if (random.integer(i, bound) < 2 ** 30) low += 1;
    expect(low / 30_000).toBeCloseTo(1 / 3, 1);
    expect(random.integer(0, 1)).toBe(0);
    expect(random.integer(0, 2 ** 32)).toBe(random.integer(0, 2 ** 32));
    for (const bad of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) expect(() => random.integer(0, bad)).toThrow(RangeError);
  });

  it("permute: every number exactly once, the same for the same key", () => {
    fc.assert(
      fc.property(word, fc.integer({ min: 0, max: 300 }), (seed, count) => {
        const order = keyed(seed, "split").permutation(count);
        expect([...order].sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
        expect(keyed(seed, "split").permutation(count)).toEqual(order);
      }),
    );
  });

  it("give each of the 24 orders of four things equally often", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i += 1) {
      const order = keyed(11, "shuffleShards", i).permutation(4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(52); // 23 degrees of freedom: one in 2000 is above 52.
  });
});
