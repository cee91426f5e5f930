// From a graph to an ONNX graph. Backwards first, to find out what is read and which pattern serves it; then forwards, to write it.
import { eliminateDeadCode, TabgradError, type Graph, type Node, type OperationName } from "@tabgrad/core";
import { OnnxBuilder } from "./builder.ts";
import type { GraphView, Lowering, Match, Peephole } from "./lowering.ts";
import type { OnnxModel } from "./model.ts";
import { loweringOf } from "./operations/index.ts";
import { peepholes } from "./peepholes/index.ts";
import { sinkBroadcasts } from "./sink-broadcasts.ts";

/** Operator set 20 has all that is used here; ONNX Runtime reads it from release 1.17 on. */
const opset = 20;

export interface LoweringOptions {
  readonly rules?: readonly Peephole[];
  readonly keepsNaN?: boolean;
}

/**
 * Lowers a whole graph: inputs become "input:NAME", parameters "parameter:NAME", both only where an output depends on them; outputs
 * keep their names.
 * @param options `rules`: the peepholes to try; measurements leave some out. `keepsNaN`: whether a NaN comes through where the standard's
 *   operators overlook one; it costs nodes that only training has use for. Both by default.
 * @throws TabgradError ENGINE_UNSUPPORTED naming the operation and its layer
 */
export function lowerGraph(original: Graph, { rules = peepholes, keepsNaN = true }: LoweringOptions = {}): OnnxModel {
  const graph = eliminateDeadCode(sinkBroadcasts(original));
  const matches = chooseRules(graph, rules);
  const onnx = new OnnxBuilder({ keepsNaN });
  const tensors: string[] = [];
  graph.nodes.forEach((node, index) => {
    const match = matches[index];
    if (!match) return;
    onnx.document(node.label);
    tensors[index] = match.lower(
      match.operands.map((operand) => tensors[operand]),
      onnx,
    );
  });
  for (const [name, node] of Object.entries(graph.outputs)) onnx.output(name, tensors[node], graph.nodes[node].shape);
  return { graph: onnx.graph("tabgrad"), opset };
}

/** For every node that is to be computed at all, how. */
function chooseRules(graph: Graph, rules: readonly Peephole[]): (Match | undefined)[] {
  const view = viewOf(graph);
  const needed = new Set(Object.values(graph.outputs));
  const matches: (Match | undefined)[] = graph.nodes.map(() => undefined);
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    if (!needed.has(index)) continue;
    const match = chooseRule(graph.nodes[index], view, rules);
    matches[index] = match;
    match.operands.forEach((operand) => needed.add(operand));
  }
  return matches;
}

function chooseRule(node: Node, view: GraphView, rules: readonly Peephole[]): Match {
  for (const peephole of rules) {
    const match = peephole(node, view);
    if (match) return match;
  }
  const lowering = ruleFor(node);
  const shapes = node.inputs.map((input) => view.graph.nodes[input].shape);
  return { operands: node.inputs, lower: (inputs, onnx) => lowering({ node, inputs, shapes, onnx }) };
}

/** @throws TabgradError ENGINE_UNSUPPORTED naming the first operation that has no rule, and its layer */
export function checkOperations(graph: Graph): void {
  graph.nodes.forEach(ruleFor);
}

function ruleFor(node: Node): Lowering<OperationName> {
  const lowering = loweringOf(node.operation);
  if (lowering) return lowering;
  throw new TabgradError(
    "ENGINE_UNSUPPORTED",
    `${node.label || "The model"}: the cpu engine cannot do the operation "${node.operation}".`,
    "Use the gpu engine, or another layer.",
  );
}

function viewOf(graph: Graph): GraphView {
  const reads = graph.nodes.map(() => 0);
  for (const node of graph.nodes) node.inputs.forEach((input) => reads[input]++);
  for (const node of Object.values(graph.outputs)) reads[node] += 2;
  return { graph, isReadOnce: (node) => reads[node] === 1 };
}
