// Computes what is known already: an operation on constants becomes a constant, and operations that change nothing vanish.
import type { GraphBuilder } from "../builder.ts";
import type { Graph, Node } from "../graph.ts";
import { definitionOf } from "../operations/index.ts";
import { elementCount, sameShape } from "../shape.ts";
import type { Value } from "../value.ts";
import { rewrite } from "./rewrite.ts";

/** A folded constant longer than this costs more on the wire than computing it again. */
const maxElements = 4096;

export function foldConstants(graph: Graph): Graph {
  return rewrite(graph, (node, inputs, builder) => fold(node, inputs, builder) ?? simplify(node, inputs, builder));
}

function fold(node: Node, inputs: readonly Value[], builder: GraphBuilder): Value | undefined {
  if (node.inputs.length === 0) return undefined;
  const constants = inputs.map((input) => constantOf(builder, input));
  if (constants.some((constant) => constant === undefined)) return undefined;
  // A constant that is one value everywhere stays one value, however large the shape.
  const fills = constants.every((constant) => constant!.values.length === 1);
  const moves = ["reshape", "transpose", "broadcastTo", "slice"].includes(node.operation);
  if (fills && moves) return builder.emit("constant", [], { shape: node.shape, values: constants[0]!.values });
  const total = [...inputs.map((input) => input.shape), node.shape].reduce((most, shape) => Math.max(most, elementCount(shape)), 0);
  if (total > maxElements) return undefined;
  const source = definitionOf("constant");
  const tensors = constants.map((constant) => ({ shape: constant!.shape, data: source.evaluate!([], constant!, constant!.shape) }));
  const data = definitionOf(node.operation).evaluate!(tensors, node.attributes, node.shape);
  // Engines hold float32, so nothing is lost by rounding here, and a folded graph prints the same everywhere.
  const values = Array.from(data, Math.fround);
  const uniform = values.every((value) => Object.is(value, values[0]));
  return builder.emit("constant", [], { shape: node.shape, values: uniform ? [values[0]] : values });
}

function simplify(node: Node, inputs: readonly Value[], builder: GraphBuilder): Value | undefined {
  const same = (value: Value): Value | undefined => (sameShape(value.shape, node.shape) ? value : undefined);
  const is = (i: number, number: number): boolean => {
    const constant = constantOf(builder, inputs[i]);
    return constant?.values.length === 1 && constant.values[0] === number;
  };
  switch (node.operation) {
    case "reshape":
    case "broadcastTo":
      return same(inputs[0]);
    case "slice":
    case "pad":
      return same(inputs[0]);
    case "concatenate":
      return inputs.length === 1 ? inputs[0] : undefined;
    case "transpose":
      return node.attributes.permutation.every((axis, i) => axis === i) ? inputs[0] : undefined;
    case "sum":
      return node.attributes.axes.length === 0 ? same(inputs[0]) : undefined;
    case "add":
      return is(1, 0) ? same(inputs[0]) : is(0, 0) ? same(inputs[1]) : undefined;
    case "subtract":
      return is(1, 0) ? same(inputs[0]) : undefined;
    case "multiply":
      return is(1, 1) ? same(inputs[0]) : is(0, 1) ? same(inputs[1]) : undefined;
    case "divide":
    case "power":
      return is(1, 1) ? same(inputs[0]) : undefined;
    default:
      return undefined;
  }
}

function constantOf(builder: GraphBuilder, value: Value): (Node & { operation: "constant" })["attributes"] | undefined {
  const node = builder.nodes[value.node];
  return node.operation === "constant" ? node.attributes : undefined;
}
