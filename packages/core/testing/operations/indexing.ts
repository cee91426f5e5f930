// Random cases of look-ups.
import fc from "fast-check";
import { math } from "../../src/graph/index.ts";
import { anyShape, dimension, type Recipe, type Recipes } from "./recipe.ts";

/** A shape of indices, and one of what each of them points to. */
const indexed = fc.tuple(fc.array(dimension, { maxLength: 2 }), fc.array(fc.oneof(dimension, fc.constant(8)), { maxLength: 2 }));

const gather = (): fc.Arbitrary<Recipe> =>
  fc.tuple(dimension, indexed).map(([count, [indices, width]]) => ({
    operands: [
      { shape: [count, ...width], domain: "any" },
      { shape: indices, domain: "index" },
    ],
    build: ([table, index]) => math.gather(table, index),
  }));

const scatterAdd = (): fc.Arbitrary<Recipe> =>
  fc.tuple(dimension, indexed).map(([count, [indices, width]]) => ({
    operands: [
      { shape: [...indices, ...width], domain: "any" },
      { shape: indices, domain: "index" },
    ],
    build: ([updates, index]) => math.scatterAdd(updates, index, count),
  }));

export const indexingRecipes = {
  gather,
  scatterAdd,
  oneHot: () => anyShape.map((shape) => ({ operands: [{ shape, domain: "index" }], build: ([x]) => math.oneHot(x, 4) })),
} satisfies Recipes;
