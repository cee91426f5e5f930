// Random cases of products of matrices.
import fc from "fast-check";
import { math } from "../../src/graph/index.ts";
import { broadcastPair, type Recipe, type Recipes } from "./recipe.ts";

const matmul = (): fc.Arbitrary<Recipe> =>
  fc
    .record({
      sizes: fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: 9 }))),
      batch: broadcastPair.filter(([a, b]) => a.length <= 2 && b.length <= 2),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    })
    .map(({ sizes: [m, k, n], batch: [batchA, batchB], transposeA, transposeB }) => ({
      operands: [
        { shape: [...batchA, ...(transposeA ? [k, m] : [m, k])], domain: "any" },
        { shape: [...batchB, ...(transposeB ? [n, k] : [k, n])], domain: "any" },
      ],
      build: ([a, b]) => math.matmul(a, b, { transposeA, transposeB }),
    }));

export const matmulRecipes = {
  matmul,
} satisfies Recipes;
