// Random elementwise graphs for property tests, and what they must compute: float32 where vectors are, float64 where only scalars are.
import fc from "fast-check";
import { definitionOf, GraphBuilder, math, replay, withRows, type Graph, type Tensor, type Value } from "../src/graph/index.ts";
import { vectorOperations, type VectorOperation } from "../src/vector/index.ts";

const vectorNames = ["a", "b", "c"] as const;
const scalarNames = ["s", "t"] as const;

/** Ordinary numbers, and those at which operations change their mind. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.float({ noNaN: true, min: -100, max: 100 }) },
  { weight: 1, arbitrary: fc.float() },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, NaN, 1e-45, 3e38) },
);

const operation = fc.record({
  name: fc.constantFrom(...vectorOperations),
  operands: fc.tuple(fc.nat(), fc.nat(), fc.nat()),
});

export interface VectorCase {
  readonly graph: Graph;
  readonly length: number;
  readonly vectors: Readonly<Record<string, Float32Array>>;
  readonly scalars: Readonly<Record<string, number>>;
}

/** Programs that read a, b, c, s and t, update a in place, write "fresh", and sum two values and a product. */
export const vectorCase: fc.Arbitrary<VectorCase> = fc
  .record({
    operations: fc.array(operation, { minLength: 1, maxLength: 20 }),
    constants: fc.array(value, { minLength: 1, maxLength: 3 }),
    outputs: fc.tuple(fc.nat(), fc.nat(), fc.nat(), fc.nat()),
    length: fc.integer({ min: 1, max: 37 }),
    scalars: fc.tuple(value, value),
  })
  .chain(({ length, operations, constants, outputs, scalars }) =>
    fc.tuple(...vectorNames.map(() => fc.array(value, { minLength: length, maxLength: length }))).map((vectors) => ({
      graph: buildGraph(operations, constants, outputs),
      length,
      vectors: Object.fromEntries(vectorNames.map((name, i) => [name, Float32Array.from(vectors[i])])),
      scalars: Object.fromEntries(scalarNames.map((name, i) => [name, scalars[i]])),
    })),
  );

function apply(name: VectorOperation, [x, y, z]: readonly Value[]): Value {
  switch (name) {
    case "select":
      return math.select(x, y, z);
    case "negate":
    case "sqrt":
    case "abs":
    case "sign":
    case "step":
    case "relu":
      return math[name](x);
    default:
      return math[name](x, y);
  }
}

function buildGraph(
  operations: readonly { name: VectorOperation; operands: readonly number[] }[],
  constants: readonly number[],
  [first, second, third, fourth]: readonly number[],
): Graph {
  const builder = new GraphBuilder(1);
  const input = (name: string, batched: boolean): Value => builder.emit("input", [], { name, shape: [], batched });
  const values = [...vectorNames.map((name) => input(name, true)), ...scalarNames.map((name) => input(name, false))];
  values.push(...constants.map((number) => math.constant(values[0], number)));
  for (const { name, operands } of operations) {
    // Late operands, so that graphs get deep.
    values.push(
      apply(
        name,
        operands.map((operand) => values[Math.max(0, values.length - 1 - (operand % 12))]),
      ),
    );
  }
  const vectors = values.filter((candidate) => candidate.shape.length > 0);
  const pick = (index: number): Value => vectors[Math.max(0, vectors.length - 1 - (index % 4))];
  return builder.graph({
    a: pick(first),
    fresh: pick(second),
    total: math.sum(pick(third)),
    product: math.sum(math.multiply(pick(third), pick(fourth))),
  });
}

/**
 * The reference evaluator's operations, rounded to float32 after each one that has a vector's value. float64 arithmetic on float32
 * numbers, rounded, is float32 arithmetic for + − × ÷ √ (Figueroa 1995), so a program must match bit for bit.
 */
export function evaluateInFloat32({ graph, length, vectors, scalars }: VectorCase): Record<string, number[]> {
  const { nodes, outputs } = withRows(graph, length);
  const isVector = (index: number): boolean => nodes[index].shape.length > 0;
  const rounded = ({ shape, data }: Tensor): Tensor => ({ shape, data: data.map(Math.fround) });
  const tensors: Tensor[] = [];
  nodes.forEach((node, index) => {
    const { shape } = node;
    if (node.operation === "input") {
      const data = isVector(index) ? vectors[node.attributes.name] : [scalars[node.attributes.name]];
      tensors.push({ shape, data: Float64Array.from(data) });
    } else if (node.operation === "sum") {
      tensors.push({ shape, data: Float64Array.of(total(node.inputs[0])) });
    } else {
      const inputs = node.inputs.map((input) => (isVector(index) ? rounded(tensors[input]) : tensors[input]));
      const result = { shape, data: definitionOf(node.operation).evaluate!(inputs, node.attributes, shape) };
      tensors.push(isVector(index) ? rounded(result) : result);
    }
  });
  /** Products under a sum are not rounded. */
  function total(index: number): number {
    const node = nodes[index];
    const factors = (node.operation === "multiply" ? node.inputs : [index]).map((input) => rounded(tensors[input]).data);
    const at = (factor: Float64Array, i: number): number => factor[factor.length === 1 ? 0 : i];
    return Array.from({ length }, (_, i) => factors.reduce((product, factor) => product * at(factor, i), 1)).reduce(
      (x, y) => x + y,
      0,
    );
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, index]) => [name, [...tensors[index].data]]));
}

/** The sum of the terms' absolute values: what the rounding error of the sum called `name` is relative to. */
export function sumMagnitude(test: VectorCase, name: string): number {
  const builder = new GraphBuilder(1);
  const values = replay(test.graph, builder);
  const [summed] = test.graph.nodes[test.graph.outputs[name]].inputs;
  const node = test.graph.nodes[summed];
  const absolute =
    node.operation === "multiply"
      ? math.multiply(math.abs(values[node.inputs[0]]), math.abs(values[node.inputs[1]]))
      : math.abs(values[summed]);
  return evaluateInFloat32({ ...test, graph: builder.graph({ magnitude: math.sum(absolute) }) }).magnitude[0];
}
