// Sorts the nodes of an elementwise graph into what a vector program does with them: vectors, which are computed in the loop;
// scalars, which are computed beforehand in float64; and sums, which the loop accumulates.
import { TabgradError } from "../errors.ts";
import { eliminateDeadCode, mergeCommonSubexpressions } from "../graph/index.ts";
import type { Graph, Node, OperationName } from "../graph/index.ts";

/** The operations that the loop knows. Scalars may use any operation that has a value. */
export const vectorOperations = [
  "add",
  "subtract",
  "multiply",
  "divide",
  "negate",
  "sqrt",
  "abs",
  "sign",
  "maximum",
  "minimum",
  "greater",
  "equal",
  "step",
  "relu",
  "select",
] as const satisfies readonly OperationName[];
export type VectorOperation = (typeof vectorOperations)[number];
export type VectorNode = Node & { readonly operation: VectorOperation };

export interface VectorPlan {
  readonly nodes: readonly Node[];
  /** Names of the vectors that are read or written; a name that is both an input and an output is one vector, updated in place. */
  readonly vectors: readonly string[];
  /** Names of the scalar inputs. */
  readonly scalars: readonly string[];
  /** Vector inputs that are used: [name, node]. */
  readonly loads: readonly (readonly [string, number])[];
  /** The nodes to compute in the loop, in order. */
  readonly steps: readonly number[];
  /** Vector outputs: [name, node]. */
  readonly stores: readonly (readonly [string, number])[];
  /** Sum outputs: [name, the node that is summed]. */
  readonly sums: readonly (readonly [string, number])[];
  /** The scalar nodes that the loop reads, in order. */
  readonly boundary: readonly number[];
  /** Computes them: its outputs are called by their number in `boundary`. */
  readonly scalarGraph: Graph;
}

const remedy = `A vector program does ${vectorOperations.join(", ")}, on vectors of one length and scalars, and sums as outputs.`;
const invalid = (message: string): TabgradError => new TabgradError("GRAPH_INVALID", message, remedy);
const describe = (node: Node): string => (node.label ? `${node.label}: ${node.operation}` : node.operation);

/** @throws TabgradError GRAPH_INVALID naming the operation or output that does not fit */
export function planVectorProgram(source: Graph): VectorPlan {
  const graph = mergeCommonSubexpressions(eliminateDeadCode(source));
  const { nodes } = graph;
  const isVector = (index: number): boolean => nodes[index].shape.length > 0;
  nodes.forEach((node) => check(node, graph));
  const isSum = (index: number): boolean => nodes[index].operation === "sum" && isVector(nodes[index].inputs[0]);
  nodes.forEach((node) => {
    if (node.inputs.some(isSum)) throw invalid(`${describe(node)} takes a sum, which is known only after the whole vector.`);
  });

  const outputs = Object.entries(graph.outputs);
  const scalarOutput = outputs.find(([, index]) => !isVector(index) && !isSum(index));
  if (scalarOutput) throw invalid(`The output "${scalarOutput[0]}" is a scalar that does not depend on a vector.`);
  const stores = outputs.filter(([, index]) => isVector(index));
  const sums = outputs.flatMap(([name, index]) => (isSum(index) ? [[name, nodes[index].inputs[0]] as const] : []));

  const inputs = nodes.flatMap((node, index) => (node.operation === "input" ? [[node.attributes.name, index] as const] : []));
  const loads = inputs.filter(([, index]) => isVector(index));
  const steps = nodes.flatMap((node, index) => (isVector(index) && node.operation !== "input" ? [index] : []));
  const boundary = [...new Set(steps.flatMap((index) => nodes[index].inputs.filter((input) => !isVector(input))))];
  return {
    nodes,
    vectors: [...new Set([...loads, ...stores].map(([name]) => name))],
    scalars: inputs.flatMap(([name, index]) => (isVector(index) ? [] : [name])),
    loads,
    steps,
    stores,
    sums,
    boundary,
    scalarGraph: eliminateDeadCode({ ...graph, outputs: Object.fromEntries(boundary.map((node, i) => [i, node])) }),
  };
}

function check(node: Node, graph: Graph): void {
  const { operation, shape } = node;
  if (operation === "parameter") throw invalid(`${describe(node)} "${node.attributes.name}" has no place in a vector program.`);
  const isVector = shape.length === 1 && shape[0] === graph.rows && (operation !== "input" || node.attributes.batched);
  if (shape.length > 0 && !isVector)
    throw invalid(`${describe(node)} has shape [${shape.join(", ")}], which is neither a vector nor a scalar.`);
  const known = operation === "input" || (vectorOperations as readonly OperationName[]).includes(operation);
  if (isVector && !known) throw invalid(`${describe(node)} on a vector is not supported.`);
  if (operation === "input" || operation === "sum" || isVector) return;
  const reduces = node.inputs.some((input) => graph.nodes[input].shape.length > 0);
  if (reduces) throw invalid(`${describe(node)} over a vector is not supported.`);
}
