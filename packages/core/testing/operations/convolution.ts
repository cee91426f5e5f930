// Random cases of convolutions and their gradients.
import fc from "fast-check";
import { convolutionGeometry, math, type ConvolutionAttributes, type Shape, type Value } from "../../src/graph/index.ts";
import { lastTwo, pair, type Recipe, type Recipes } from "./recipe.ts";

interface Convolution {
  readonly x: Shape;
  readonly filters: Shape;
  /** Of the result. */
  readonly y: Shape;
  readonly options: ConvolutionAttributes;
}

const convolution: fc.Arbitrary<Convolution> = fc
  .record({
    rows: fc.integer({ min: 1, max: 2 }),
    size: pair(1, 6),
    kernel: pair(1, 3),
    strides: pair(1, 3),
    dilations: pair(1, 2),
    padding: fc.tuple(...[0, 1, 2, 3].map(() => fc.nat({ max: 2 }))) as fc.Arbitrary<[number, number, number, number]>,
    groups: fc.integer({ min: 1, max: 2 }),
    channels: pair(1, 3),
  })
  .map(({ rows, size, kernel, channels: [inputs, outputs], groups, ...rest }) => ({
    x: [rows, groups * inputs, ...size],
    filters: [groups * outputs, inputs, ...kernel],
    options: { ...rest, groups },
  }))
  // The window must fit in somewhere.
  .filter(({ x, filters, options: { padding, dilations } }) =>
    [0, 1].every((axis) => x[axis + 2] + padding[axis] + padding[axis + 2] > (filters[axis + 2] - 1) * dilations[axis]),
  )
  .map((found) => ({
    ...found,
    y: [found.x[0], found.filters[0], ...convolutionGeometry(found.x, found.filters, found.options).output],
  }));

const convolving =
  (operands: (found: Convolution) => readonly [Shape, Shape], apply: (a: Value, b: Value, found: Convolution) => Value) =>
  (): fc.Arbitrary<Recipe> =>
    convolution.map((found) => ({
      operands: operands(found).map((shape) => ({ shape, domain: "any" })),
      build: ([a, b]) => apply(a, b, found),
    }));

export const convolutionRecipes = {
  conv2d: convolving(
    ({ x, filters }) => [x, filters],
    (x, filters, { options }) => math.conv2d(x, filters, options),
  ),
  conv2dInputGradient: convolving(
    ({ y, filters }) => [y, filters],
    (y, filters, { x, options }) => math.conv2dInputGradient(y, filters, lastTwo(x), options),
  ),
  conv2dFilterGradient: convolving(
    ({ x, y }) => [x, y],
    (x, y, { filters, options }) => math.conv2dFilterGradient(x, y, lastTwo(filters), options),
  ),
} satisfies Recipes;
