// How products are cut: by their sizes alone, so that no device is needed.
import { describe, expect, it } from "vitest";
import { tilingOf } from "../src/kernels/tiling.ts";

describe("the tiles of a product", () => {
  it("are large where a device has enough to do with them", () => {
    expect(tilingOf({ m: 2048, n: 2048, k: 2048, matrices: 1 })).toMatchObject({ side: 64, parts: 1 });
    expect(tilingOf({ m: 64, n: 64, k: 32, matrices: 512 })).toMatchObject({ side: 64, parts: 1 });
  });

  it("are small where it has not, and where large ones would compute much in vain", () => {
    expect(tilingOf({ m: 256, n: 256, k: 64, matrices: 1 })).toMatchObject({ side: 32, parts: 1 });
    expect(tilingOf({ m: 32, n: 100_000, k: 64, matrices: 1 })).toMatchObject({ side: 32, parts: 1 });
  });

  it.each([
    // The gradient of 64 filters of 32 × 3 × 3, from 128 images of 11 × 11.
    { m: 64, n: 288, k: 15_488, matrices: 1 },
    { m: 32, n: 9, k: 86_528, matrices: 1 },
    { m: 128, n: 128, k: 1600, matrices: 1 },
    { m: 1, n: 1, k: 1000, matrices: 3 },
  ])("have a long k in parts, which cover it: %o", (product) => {
    const { side, depth, parts, partLength } = tilingOf(product);
    expect(parts).toBeGreaterThan(1);
    expect(partLength % depth).toBe(0);
    expect(parts * partLength).toBeGreaterThanOrEqual(product.k);
    expect((parts - 1) * partLength).toBeLessThan(product.k);
    const groups = Math.ceil(product.m / side) * Math.ceil(product.n / side) * product.matrices;
    expect(groups * parts).toBeLessThanOrEqual(512);
  });
});
