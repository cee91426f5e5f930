// Decides in which type each stored value lies in memory. Arithmetic is in float32 whatever is decided here: f16 is a way to store.
// Which operations keep float32 follows Micikevicius et al. 2018, "Mixed Precision Training", https://arxiv.org/abs/1710.03740, as
// PyTorch's autocast does.
import type { Graph, Node, OperationName, Precision } from "@tabgrad/core";
import type { ElementType } from "./tensor.ts";

/** They multiply what is stored in f16, and what they give is stored so. */
const products: ReadonlySet<OperationName> = new Set(["matmul", "conv2d", "conv2dInputGradient", "conv2dFilterGradient"]);

/** What they give spans more than f16 does, or is needed to more digits: sums, exponentials, quotients, and indices. */
const wide: ReadonlySet<OperationName> = new Set([
  ...(["input", "exp", "log", "power", "divide", "sqrt", "softplus"] as const),
  ...(["softmax", "logSoftmax", "normalise", "normaliseGradient", "sum", "scatterAdd", "argmax", "uniform"] as const),
]);

/** What they give is 0, 1 or -1, whatever they read. */
const flags: ReadonlySet<OperationName> = new Set(["step", "sign", "equal", "greater", "oneHot"]);

export const isProduct = ({ operation }: Node): boolean => products.has(operation);

/**
 * The type of each node's value where it is stored, by node. What a product reads is f16, and so is what a product gives; other
 * operations take the widest type of what they read, parameters and single numbers aside. Inputs and constants are float32: a value of
 * the dataset may be larger than f16 holds.
 * @param owners for each stored node the node that owns its memory
 */
export function storageTypes(graph: Graph, owners: ReadonlyMap<number, number>, precision: Precision): readonly ElementType[] {
  if (precision === "float32") return graph.nodes.map(() => "f32");
  const found: (ElementType | undefined)[] = [];
  for (const node of graph.nodes) found.push(typeOf(node, found));
  const types = found.map((type) => type ?? "f32");
  for (const node of graph.nodes) {
    if (!isProduct(node)) continue;
    for (const input of node.inputs) {
      const owner = owners.get(input);
      if (owner !== undefined && graph.nodes[owner].inputs.length > 0) types[owner] = "f16";
    }
  }
  return types;
}

/** Undefined where the value has no type of its own, but takes on that of what it meets. */
function typeOf(node: Node, types: readonly (ElementType | undefined)[]): ElementType | undefined {
  if (isProduct(node) || flags.has(node.operation)) return "f16";
  if (node.operation === "parameter") return undefined;
  if (node.operation === "constant") return node.attributes.values.length === 1 ? undefined : "f32";
  if (wide.has(node.operation)) return "f32";
  const read = node.inputs.map((input) => types[input]);
  return read.includes("f32") ? "f32" : read.find((type) => type !== undefined);
}
