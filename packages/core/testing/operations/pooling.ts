// Random cases of pooling and its gradients.
import fc from "fast-check";
import { math, poolingGeometry, type PoolingAttributes, type Shape, type Value } from "../../src/graph/index.ts";
import { anyOf, distinctOf, lastTwo, type Operand, pair, type Recipe, type Recipes } from "./recipe.ts";

type Pooling = PoolingAttributes & { readonly countPadding: boolean };

/** Images, how they are pooled, and the shape of what comes out. */
const pooling: fc.Arbitrary<{ x: Shape; y: Shape; options: Pooling }> = fc
  .record({
    planes: pair(1, 2),
    size: pair(1, 6),
    kernel: pair(1, 3),
    strides: pair(1, 3),
    padding: fc.tuple(...[0, 1, 2, 3].map(() => fc.nat({ max: 2 }))) as fc.Arbitrary<[number, number, number, number]>,
    countPadding: fc.boolean(),
  })
  .filter(({ size, kernel, padding }) =>
    [0, 1].every(
      (axis) =>
        Math.max(padding[axis], padding[axis + 2]) < kernel[axis] && size[axis] + padding[axis] + padding[axis + 2] >= kernel[axis],
    ),
  )
  .map(({ planes, size, ...options }) => {
    const x = [...planes, ...size];
    return { x, y: [...planes, ...poolingGeometry(x, options).output], options };
  });

const pooled =
  (
    operands: (x: Shape, y: Shape) => readonly Operand[],
    apply: (operands: readonly Value[], options: Pooling, x: Shape) => Value,
  ) =>
  (): fc.Arbitrary<Recipe> =>
    pooling.map(({ x, y, options }) => ({ operands: operands(x, y), build: (values) => apply(values, options, x) }));

export const poolingRecipes = {
  maxPool2d: pooled(
    (x) => [distinctOf(x)],
    ([x], options) => math.maxPool2d(x, options),
  ),
  maxPool2dGradient: pooled(
    (x, y) => [distinctOf(x), anyOf(y)],
    ([x, upstream], options) => math.maxPool2dGradient(x, upstream, options),
  ),
  maxPool2dGather: pooled(
    (x) => [distinctOf(x), anyOf(x)],
    ([x, values], options) => math.maxPool2dGather(x, values, options),
  ),
  averagePool2d: pooled(
    (x) => [anyOf(x)],
    ([x], options) => math.averagePool2d(x, options),
  ),
  averagePool2dGradient: pooled(
    (_, y) => [anyOf(y)],
    ([upstream], options, x) => math.averagePool2dGradient(upstream, lastTwo(x), options),
  ),
} satisfies Recipes;
