// The reference evaluator: any graph in plain float64. Slow and exact; tests compare engines with it, and constants are folded with it.
import type { Graph } from "./graph.ts";
import { parameterSlots } from "./graph.ts";
import type { Tensor } from "./operation.ts";
import { definitionOf } from "./operations/index.ts";
import { elementCount, formatShape } from "./shape.ts";

/**
 * @param inputs by name, row-major, of the shapes that the graph states
 * @param parameters the flat parameter vector
 * @returns the outputs by name
 */
export function evaluate(
  graph: Graph,
  inputs: Readonly<Record<string, ArrayLike<number>>>,
  parameters: ArrayLike<number> = [],
): Record<string, Tensor> {
  const slots = new Map(parameterSlots(graph).map((slot) => [slot.node, slot]));
  const tensors: Tensor[] = [];
  graph.nodes.forEach((node, index) => {
    const { shape } = node;
    const slot = slots.get(index);
    if (slot) {
      const data = new Float64Array(slot.elements);
      for (let i = 0; i < data.length; i++) data[i] = parameters[slot.offset + i];
      tensors.push({ shape, data });
    } else if (node.operation === "input") {
      const data = inputs[node.attributes.name];
      if (data?.length !== elementCount(shape)) {
        throw new Error(`input ${node.attributes.name} of shape ${formatShape(shape)} was fed ${data?.length ?? "no"} values`);
      }
      tensors.push({ shape, data: new Float64Array(data) });
    } else {
      const definition = definitionOf(node.operation);
      if (!definition.evaluate) throw new Error(`${node.operation} has no value of its own`);
      const arguments_ = node.inputs.map((input) => tensors[input]);
      tensors.push({ shape, data: definition.evaluate(arguments_, node.attributes, shape) });
    }
  });
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, node]) => [name, tensors[node]]));
}
