// Random cases of sums, and of what is worked out from them along an axis.
import fc from "fast-check";
import { math, type Value } from "../../src/graph/index.ts";
import { anyOf, type Domain, type Recipe, type Recipes, someAxis, someShape } from "./recipe.ts";

const alongAxis =
  (apply: (x: Value, axis: number) => Value, domain: Domain = "any") =>
  (): fc.Arbitrary<Recipe> =>
    someShape.chain((shape) =>
      fc.nat({ max: shape.length - 1 }).map((axis) => ({ operands: [{ shape, domain }], build: ([x]) => apply(x, axis) })),
    );

const reduction =
  (apply: (x: Value, axes: number[], keep: boolean) => Value, domain: Domain = "any") =>
  (): fc.Arbitrary<Recipe> =>
    someShape.chain((shape) =>
      fc
        .tuple(fc.subarray(shape.map((_, axis) => axis)), fc.boolean())
        .map(([axes, keep]) => ({ operands: [{ shape, domain }], build: ([x]) => apply(x, axes, keep) })),
    );

/** A shape, and how its last dimension is normalised. Equal elements must not make the second derivative too large to be found. */
const normalising = fc.record({
  shape: someAxis.map(([shape]) => shape),
  centred: fc.boolean(),
  epsilon: fc.constantFrom(0.25, 1),
});

export const reductionRecipes = {
  sum: reduction(math.sum),
  max: reduction(math.max, "distinct"),
  argmax: alongAxis(math.argmax, "distinct"),
  softmax: alongAxis(math.softmax),
  logSoftmax: alongAxis(math.logSoftmax),
  normalise: () =>
    normalising.map(({ shape, ...options }) => ({ operands: [anyOf(shape)], build: ([x]) => math.normalise(x, options) })),
  normaliseGradient: () =>
    normalising.map(({ shape, ...options }) => ({
      operands: [anyOf(shape), anyOf(shape)],
      build: ([x, upstream]) => math.normaliseGradient(x, upstream, options),
    })),
} satisfies Recipes;
