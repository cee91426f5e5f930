// Random cases of operations that move values.
import fc from "fast-check";
import { elementCount, math, type Shape } from "../../src/graph/index.ts";
import { anyShape, broadcastPair, dimension, type Recipe, type Recipes, someAxis, someShape } from "./recipe.ts";

const reshape = (): fc.Arbitrary<Recipe> =>
  someShape.chain((shape) =>
    fc
      .constantFrom<Shape>([-1], [elementCount(shape)], [1, -1], [...shape].reverse(), [...shape, 1])
      .map((target) => ({ operands: [{ shape, domain: "any" }], build: ([x]) => math.reshape(x, target) })),
  );

const transpose = (): fc.Arbitrary<Recipe> =>
  anyShape.chain((shape) =>
    fc
      .shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length },
      )
      .map((permutation) => ({ operands: [{ shape, domain: "any" }], build: ([x]) => math.transpose(x, permutation) })),
  );

const broadcastTo = (): fc.Arbitrary<Recipe> =>
  broadcastPair.map((pair) => {
    const [narrow, wide] = [...pair].sort((a, b) => a.length - b.length || elementCount(a) - elementCount(b));
    return { operands: [{ shape: narrow, domain: "any" }], build: ([x]) => math.broadcastTo(x, wide) };
  });

const slice = (): fc.Arbitrary<Recipe> =>
  someAxis.chain(([shape, axis]) =>
    fc.tuple(fc.nat({ max: shape[axis] - 1 }), fc.nat({ max: shape[axis] - 1 })).map(([a, b]) => ({
      operands: [{ shape, domain: "any" }],
      build: ([x]) => math.slice(x, axis, Math.min(a, b), Math.max(a, b) + 1),
    })),
  );

const pad = (): fc.Arbitrary<Recipe> =>
  fc.tuple(someAxis, fc.nat({ max: 8 }), fc.nat({ max: 8 })).map(([[shape, axis], before, after]) => ({
    operands: [{ shape, domain: "any" }],
    build: ([x]) => math.pad(x, axis, before, after),
  }));

const concatenate = (): fc.Arbitrary<Recipe> =>
  fc
    .tuple(someAxis, fc.array(fc.oneof(dimension, fc.constant(4)), { minLength: 1, maxLength: 12 }))
    .map(([[shape, axis], lengths]) => ({ axis, shapes: lengths.map((length) => shape.with(axis, length)) }))
    .filter(({ shapes }) => shapes.reduce((total, shape) => total + elementCount(shape), 0) <= 128)
    .map(({ axis, shapes }) => ({
      operands: shapes.map((shape) => ({ shape, domain: "any" })),
      build: (parts) => math.concatenate(parts, axis),
    }));

export const movementRecipes = {
  reshape,
  transpose,
  broadcastTo,
  slice,
  pad,
  concatenate,
} satisfies Recipes;
