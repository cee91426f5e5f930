// The graph as JSON: what travels in `Welcome.graph` and lies in a checkpoint. Loss-free: reading back gives an equal graph.
// Shapes are not written; whoever reads infers and so checks them. The format is described in docs/graph.md.
import { z } from "zod";
import { TabgradError } from "../errors.ts";
import type { OperationAttributes, OperationName } from "./attributes.ts";
import { GraphBuilder } from "./builder.ts";
import type { Graph } from "./graph.ts";
import { takesInputs } from "./operation.ts";
import { definitionOf, isOperationName } from "./operations/index.ts";
import type { Value } from "./value.ts";

export const graphFormatVersion = 1;

/** Limits on what a graph from elsewhere may ask us to hold. */
const bounds = { nodes: 100_000, inputs: 256, rank: 16, elements: 2 ** 31, window: 2 ** 16, stream: 2 ** 32 - 1 } as const;

// JSON has no word for these numbers.
const unwritable = new Map([
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["-0", -0],
]);
const writeNumber = (value: number): number | string =>
  Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? "-0" : String(value);

const numberSchema = z.union([
  z.number(),
  z.enum(["NaN", "Infinity", "-Infinity", "-0"]).transform((word) => unwritable.get(word)!),
]);
const shapeSchema = z.array(z.int().min(1)).max(bounds.rank);
const axesSchema = z.array(z.int().nonnegative()).max(bounds.rank);
const none = z.strictObject({});
const reduce = z.strictObject({ axes: axesSchema, keepDimensions: z.boolean() });
const alongAxis = z.strictObject({ axis: z.int().nonnegative() });
const extent = z.int().min(1).max(bounds.window);
const margin = z.int().nonnegative().max(bounds.window);
const plane = z.tuple([extent, extent]).readonly();
const margins = z.tuple([margin, margin, margin, margin]).readonly();
const convolution = {
  strides: plane,
  padding: margins,
  dilations: plane,
  groups: z.int().min(1),
};
const normalisation = z.strictObject({ centred: z.boolean(), epsilon: z.number().gt(0) });
const pooling = { kernel: plane, strides: plane, padding: margins };

const initialisation = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("constant"), value: numberSchema }),
  z.strictObject({ kind: z.literal("uniform"), low: numberSchema, high: numberSchema }),
  z.strictObject({ kind: z.literal("normal"), mean: numberSchema, deviation: numberSchema }),
]);

/** What each operation's attributes look like in JSON. */
export const attributeSchemas: { readonly [K in OperationName]: z.ZodType<OperationAttributes[K]> } = {
  input: z.strictObject({ name: z.string().min(1), shape: shapeSchema, batched: z.boolean() }),
  parameter: z.strictObject({
    name: z.string().min(1),
    shape: shapeSchema,
    initialisation,
    frozen: z.literal(true).optional(),
    statistic: z.strictObject({ momentum: z.number().gt(0).max(1) }).optional(),
  }),
  constant: z.strictObject({ shape: shapeSchema, values: z.array(numberSchema).min(1) }),
  negate: none,
  exp: none,
  log: none,
  sqrt: none,
  abs: none,
  sign: none,
  step: none,
  relu: none,
  leakyRelu: z.strictObject({ slope: numberSchema }),
  sigmoid: none,
  tanh: none,
  softplus: none,
  erf: none,
  gelu: none,
  sin: none,
  cos: none,
  add: none,
  subtract: none,
  multiply: none,
  divide: none,
  power: none,
  maximum: none,
  minimum: none,
  equal: none,
  greater: none,
  select: none,
  geluGradient: none,
  matmul: z.strictObject({ transposeA: z.boolean(), transposeB: z.boolean() }),
  conv2d: z.strictObject(convolution),
  conv2dInputGradient: z.strictObject({ ...convolution, size: plane }),
  conv2dFilterGradient: z.strictObject({ ...convolution, kernel: plane }),
  maxPool2d: z.strictObject(pooling),
  maxPool2dGradient: z.strictObject(pooling),
  maxPool2dGather: z.strictObject(pooling),
  averagePool2d: z.strictObject({ ...pooling, countPadding: z.boolean() }),
  averagePool2dGradient: z.strictObject({ ...pooling, countPadding: z.boolean(), size: plane }),
  sum: reduce,
  max: reduce,
  argmax: alongAxis,
  softmax: alongAxis,
  logSoftmax: alongAxis,
  normalise: normalisation,
  normaliseGradient: normalisation,
  reshape: z.strictObject({ shape: z.array(z.int().min(-1)).max(bounds.rank) }),
  transpose: z.strictObject({ permutation: axesSchema }),
  broadcastTo: z.strictObject({ shape: shapeSchema }),
  oneHot: z.strictObject({ depth: z.int().min(1) }),
  slice: z.strictObject({ axis: z.int().nonnegative(), start: z.int().nonnegative(), stop: z.int().min(1) }),
  pad: z.strictObject({ axis: z.int().nonnegative(), before: z.int().nonnegative(), after: z.int().nonnegative() }),
  concatenate: alongAxis,
  gather: none,
  scatterAdd: z.strictObject({ count: z.int().min(1) }),
  uniform: z.strictObject({ shape: shapeSchema, stream: z.int().nonnegative().max(bounds.stream) }),
  ifTraining: none,
};

const graphSchema = z.strictObject({
  version: z.literal(graphFormatVersion),
  rows: z.int().min(1),
  nodes: z
    .array(
      z.strictObject({
        operation: z.string(),
        inputs: z.array(z.int().nonnegative()).max(bounds.inputs),
        attributes: z.unknown(),
        label: z.string().default(""),
      }),
    )
    .max(bounds.nodes),
  outputs: z.record(z.string(), z.int().nonnegative()),
});

export function graphToJson(graph: Graph): string {
  const nodes = graph.nodes.map(({ operation, inputs, attributes, label }) => ({ operation, inputs, attributes, label }));
  const document = { version: graphFormatVersion, rows: graph.rows, nodes, outputs: graph.outputs };
  return JSON.stringify(document, (_, value: unknown) => (typeof value === "number" ? writeNumber(value) : value));
}

/** @throws TabgradError GRAPH_INVALID: not JSON, an unknown operation, attributes or shapes that do not fit */
export function graphFromJson(text: string): Graph {
  const document = parse(text);
  const builder = new GraphBuilder(document.rows);
  const values: Value[] = [];
  document.nodes.forEach(({ operation, inputs, attributes, label }, index) => {
    const where = `node ${index}${label ? ` (${label})` : ""}`;
    if (!isOperationName(operation)) throw invalid(`${where}: there is no operation "${operation}"`);
    const checked = attributeSchemas[operation].safeParse(attributes);
    if (!checked.success) throw invalid(`${where}: ${operation}: ${z.prettifyError(checked.error)}`);
    const forward = inputs.find((input) => input >= index);
    if (forward !== undefined) throw invalid(`${where}: input ${forward} does not come before it`);
    if (!takesInputs(definitionOf(operation), inputs.length))
      throw invalid(`${where}: ${operation} does not take ${inputs.length} inputs`);
    const emit = () =>
      builder.emit(
        operation,
        inputs.map((input) => values[input]),
        checked.data,
      );
    const value = fitting(where, () => (label ? builder.scope(label, emit) : emit()));
    if (value.shape.reduce((total, dimension) => total * dimension, 1) > bounds.elements)
      throw invalid(`${where}: more than ${bounds.elements} elements`);
    values.push(value);
  });
  const names = new Set<string>();
  for (const node of builder.nodes) {
    if (node.operation !== "parameter") continue;
    if (names.has(node.attributes.name)) throw invalid(`two parameters are called "${node.attributes.name}"`);
    names.add(node.attributes.name);
  }
  const missing = Object.entries(document.outputs).find(([, node]) => node >= values.length);
  if (missing) throw invalid(`output ${missing[0]} names node ${missing[1]} of ${values.length}`);
  return { nodes: builder.nodes, outputs: document.outputs, rows: document.rows };
}

function parse(text: string): z.infer<typeof graphSchema> {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw invalid(`not JSON: ${(error as Error).message}`);
  }
  const checked = graphSchema.safeParse(raw);
  if (!checked.success) throw invalid(z.prettifyError(checked.error));
  return checked.data;
}

/** A layer that does not fit is the writer's mistake, and here the graph's. */
function fitting<T>(where: string, emit: () => T): T {
  try {
    return emit();
  } catch (error) {
    throw error instanceof TabgradError ? invalid(`${where}: ${error.message}`) : error;
  }
}

const invalid = (what: string): TabgradError =>
  new TabgradError(
    "GRAPH_INVALID",
    `This is not a graph of format ${graphFormatVersion}: ${what}`,
    "Use the same version of tabgrad at both ends, or write the graph again.",
  );
