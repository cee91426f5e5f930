// Random graphs around one operation each, for property tests: every engine must find the gradient that central differences find.
// The operands are parameters, so that their gradients come out in the flat vector; the loss weights every output element differently.
import fc from "fast-check";
import {
  convolutionGeometry,
  elementCount,
  evaluate,
  evaluationGraph,
  GraphBuilder,
  math,
  operations,
  parameterElements,
  poolingGeometry,
  type ConvolutionAttributes,
  type Graph,
  type OperationName,
  type PoolingAttributes,
  type Shape,
  type Value,
} from "../src/graph/index.ts";

export interface OperationCase {
  /** One row, no dataset inputs, output "loss" of shape [1]. */
  readonly forward: Graph;
  /** The operands, one after another; all are float32 numbers. */
  readonly parameters: Float64Array;
}

/** Ranges that stay clear of poles and kinks by more than a finite difference reaches. */
const domains = {
  any: fc.double({ min: -2, max: 2, noNaN: true }),
  positive: fc.double({ min: 0.3, max: 3, noNaN: true }),
  awayFromZero: fc.tuple(fc.boolean(), fc.double({ min: 0.1, max: 2, noNaN: true })).map(([minus, size]) => (minus ? -size : size)),
} satisfies Record<string, fc.Arbitrary<number>>;
type Domain = keyof typeof domains | "distinct" | "index";

interface Operand {
  readonly shape: Shape;
  readonly domain: Domain;
}

interface Recipe {
  readonly operands: readonly Operand[];
  build(operands: Value[]): Value;
}

const dimension = fc.integer({ min: 1, max: 5 });
const anyShape = fc.array(dimension, { minLength: 0, maxLength: 4 });
const someShape = fc.array(dimension, { minLength: 1, maxLength: 4 });

/** A shape and one of its axes; multiples of four more often than chance has it, since engines take those by four. */
const someAxis = fc
  .array(fc.oneof(dimension, fc.constantFrom(4, 8)), { minLength: 1, maxLength: 4 })
  .filter((shape) => elementCount(shape) <= 128)
  .chain((shape) => fc.tuple(fc.constant<Shape>(shape), fc.nat({ max: shape.length - 1 })));

/** A pair of shapes that broadcast, in either direction. */
const broadcastPair = anyShape
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc
        .nat({ max: shape.length })
        .chain((skip) => fc.tuple(...shape.slice(skip).map((size) => fc.constantFrom(size, 1))).map((narrow): Shape => narrow)),
      fc.boolean(),
    ),
  )
  .map(([wide, narrow, swap]): [Shape, Shape] => (swap ? [narrow, wide] : [wide, narrow]));

const unary =
  (apply: (x: Value) => Value, domain: Domain = "any") =>
  (): fc.Arbitrary<Recipe> =>
    anyShape.map((shape) => ({ operands: [{ shape, domain }], build: ([x]) => apply(x) }));

const binary =
  (apply: (a: Value, b: Value) => Value, left: Domain = "any", right: Domain = left) =>
  (): fc.Arbitrary<Recipe> =>
    broadcastPair.map(([a, b]) => ({
      operands: [
        { shape: a, domain: left },
        { shape: b, domain: right },
      ],
      build: ([x, y]) => apply(x, y),
    }));

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

interface Convolution {
  readonly x: Shape;
  readonly filters: Shape;
  /** Of the result. */
  readonly y: Shape;
  readonly options: ConvolutionAttributes;
}

const pair = (least: number, most: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

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

const lastTwo = (shape: Shape): [number, number] => [shape[2], shape[3]];

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

const anyOf = (shape: Shape): Operand => ({ shape, domain: "any" });
const distinctOf = (shape: Shape): Operand => ({ shape, domain: "distinct" });

/** A shape, and how its last dimension is normalised. Equal elements must not make the second derivative too large to be found. */
const normalising = fc.record({
  shape: someAxis.map(([shape]) => shape),
  centred: fc.boolean(),
  epsilon: fc.constantFrom(0.25, 1),
});

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

const select = (): fc.Arbitrary<Recipe> =>
  fc.tuple(broadcastPair, fc.nat({ max: 2 })).map(([[a, b], rotation]) => {
    const shapes = [a, b, a];
    const at = (i: number): Shape => shapes[(i + rotation) % 3];
    return {
      operands: [
        { shape: at(0), domain: "awayFromZero" },
        { shape: at(1), domain: "any" },
        { shape: at(2), domain: "any" },
      ],
      // A condition must be 0 somewhere, and away from where it changes.
      build: ([condition, x, y]) => math.select(math.step(condition), x, y),
    };
  });

/** Whose inputs come from outside, and what is settled before there is anything to compute; their tests are about just that. */
type Untried = "input" | "parameter" | "constant" | "uniform" | "ifTraining";

/** One recipe for every other operation. */
const recipes: { readonly [K in Exclude<OperationName, Untried>]: () => fc.Arbitrary<Recipe> } = {
  negate: unary(math.negate),
  exp: unary(math.exp),
  log: unary(math.log, "positive"),
  sqrt: unary(math.sqrt, "positive"),
  abs: unary(math.abs, "awayFromZero"),
  sign: unary(math.sign, "awayFromZero"),
  step: unary(math.step, "awayFromZero"),
  relu: unary(math.relu, "awayFromZero"),
  leakyRelu: unary((x) => math.leakyRelu(x, 0.1), "awayFromZero"),
  sigmoid: unary(math.sigmoid),
  tanh: unary(math.tanh),
  softplus: unary(math.softplus),
  erf: unary(math.erf),
  gelu: unary(math.gelu),
  geluGradient: () =>
    anyShape.map((shape) => ({ operands: [anyOf(shape), anyOf(shape)], build: ([x, u]) => math.geluGradient(x, u) })),
  sin: unary(math.sin),
  cos: unary(math.cos),
  add: binary(math.add),
  subtract: binary(math.subtract),
  multiply: binary(math.multiply),
  divide: binary(math.divide, "any", "positive"),
  power: binary(math.power, "positive", "any"),
  maximum: binary(math.maximum, "positive", "distinct"),
  minimum: binary(math.minimum, "positive", "distinct"),
  equal: binary(math.equal, "positive", "distinct"),
  greater: binary(math.greater, "positive", "distinct"),
  select,
  matmul,
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
  reshape,
  transpose,
  broadcastTo,
  slice,
  pad,
  concatenate,
  gather,
  scatterAdd,
  oneHot: () => anyShape.map((shape) => ({ operands: [{ shape, domain: "index" }], build: ([x]) => math.oneHot(x, 4) })),
};

/** The operations that have a recipe: all but the sources. */
export const testedOperations = Object.keys(recipes) as (keyof typeof recipes)[];

/** Which operations a case of this one can differentiate through; the others pass no gradient, which is checked just the same. */
export const hasGradient = (name: OperationName): boolean => operations[name].gradient !== undefined;

function values({ shape, domain }: Operand): fc.Arbitrary<number[]> {
  const length = elementCount(shape);
  // No two within the reach of a finite difference, and none near the "positive" operand it is compared with.
  if (domain === "distinct")
    return fc.shuffledSubarray(
      Array.from({ length }, (_, i) => -0.5 - 0.05 * i),
      { minLength: length },
    );
  if (domain === "index") return fc.array(fc.integer({ min: -1, max: 5 }), { minLength: length, maxLength: length });
  return fc.array(domains[domain], { minLength: length, maxLength: length });
}

/** Random cases of one operation. */
export function operationCase(name: keyof typeof recipes): fc.Arbitrary<OperationCase> {
  return recipes[name]().chain((recipe) =>
    fc.tuple(...recipe.operands.map(values)).map((operands) => ({
      forward: forwardGraph(recipe),
      parameters: Float64Array.from(operands.flat(), Math.fround),
    })),
  );
}

function forwardGraph(recipe: Recipe): Graph {
  const builder = new GraphBuilder(1);
  const operands = recipe.operands.map(({ shape }, i) =>
    builder.emit("parameter", [], { name: `operand ${i}`, shape, initialisation: { kind: "constant", value: 0 } }),
  );
  const result = recipe.build(operands);
  const weights = Array.from({ length: elementCount(result.shape) }, (_, i) => Math.fround(Math.cos(1 + i)));
  const weighted = math.multiply(result, math.constant(result, weights, result.shape));
  return builder.graph({ loss: math.reshape(math.sum(weighted), [1]) });
}

/** The loss of a one-row graph in float64. */
export function referenceLoss(forward: Graph, parameters: Float64Array): number {
  return evaluate(evaluationGraph(forward, 1), { weights: [1] }, parameters).loss.data[0];
}

/** d loss / d parameters by central differences in float64: (f(x + h) − f(x − h)) / 2h. */
export function centralDifferences(forward: Graph, parameters: Float64Array, h = 1e-5): Float64Array {
  const graph = evaluationGraph(forward, 1);
  const lossAt = (at: Float64Array): number => evaluate(graph, { weights: [1] }, at).loss.data[0];
  return Float64Array.from({ length: parameterElements(forward) }, (_, i) => {
    const above = Float64Array.from(parameters);
    const below = Float64Array.from(parameters);
    above[i] += h;
    below[i] -= h;
    return (lossAt(above) - lossAt(below)) / (above[i] - below[i]);
  });
}
