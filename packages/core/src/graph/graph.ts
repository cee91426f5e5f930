// The graph: a model, or a training step, as data. Values are float32 tensors; masks are 0 and 1, class indices are whole numbers.
import type { Initialisation, OperationAttributes, OperationName } from "./attributes.ts";
import { elementCount, type Shape } from "./shape.ts";

interface NodeOf<K extends OperationName> {
  readonly operation: K;
  /** Indices into `Graph.nodes`, all smaller than this node's own. */
  readonly inputs: readonly number[];
  readonly attributes: OperationAttributes[K];
  /** Inferred, never stated. */
  readonly shape: Shape;
  /** The layer it came from, for messages: "dense 2 (128 units)". */
  readonly label: string;
}

/** One operation of a graph. A discriminated union over `operation`. */
export type Node = { [K in OperationName]: NodeOf<K> }[OperationName];

/** A node of one operation, for rules and kernels that serve just that one. */
export type NodeFor<K extends OperationName> = NodeOf<K>;

export interface Graph {
  /** In topological order: a node comes after its inputs. */
  readonly nodes: readonly Node[];
  /** Named results, as indices into `nodes`. */
  readonly outputs: Readonly<Record<string, number>>;
  /**
   * The number of rows of batched inputs that the shapes are inferred for. `withRows` makes the same graph for another number; where the
   * graph has the input "weights", and so tells microbatches apart, this is a microbatch, and another number must be a multiple of it.
   */
  readonly rows: number;
}

/** Where a parameter lies in the flat vector. */
export interface ParameterSlot {
  readonly name: string;
  readonly node: number;
  readonly shape: Shape;
  readonly initialisation: Initialisation;
  readonly frozen: boolean;
  /** Of a running statistic: how far it moves in a step. Others have none. */
  readonly momentum?: number;
  /** In values, not bytes. */
  readonly offset: number;
  readonly elements: number;
}

/** The parameters of a graph in graph order: the layout of the flat vector. */
export function parameterSlots(graph: Graph): ParameterSlot[] {
  const slots: ParameterSlot[] = [];
  let offset = 0;
  graph.nodes.forEach((node, index) => {
    if (node.operation !== "parameter") return;
    const { name, shape, initialisation, frozen = false, statistic } = node.attributes;
    const elements = elementCount(shape);
    slots.push({ name, node: index, shape, initialisation, frozen, ...statistic, offset, elements });
    offset += elements;
  });
  return slots;
}

/** The graph in which just the parameters of these names are frozen. */
export function withFrozen(graph: Graph, names: readonly string[]): Graph {
  const frozen = new Set(names);
  const nodes = graph.nodes.map((node): Node => {
    if (node.operation !== "parameter") return node;
    const { frozen: _, ...attributes } = node.attributes;
    return { ...node, attributes: { ...attributes, ...(frozen.has(attributes.name) && { frozen: true }) } };
  });
  return { ...graph, nodes };
}

/** Length of the flat parameter vector, in values. */
export function parameterElements(graph: Graph): number {
  return parameterSlots(graph).reduce((total, slot) => total + slot.elements, 0);
}

/** The inputs that a run must feed, in graph order. */
export function graphInputs(graph: Graph): { name: string; node: number; shape: Shape; batched: boolean }[] {
  return graph.nodes.flatMap((node, index) =>
    node.operation === "input"
      ? [{ name: node.attributes.name, node: index, shape: node.shape, batched: node.attributes.batched }]
      : [],
  );
}

/** The names of a forward graph's metrics: its outputs called "metric:NAME", in order. */
export function metricNames(graph: Graph): string[] {
  return Object.keys(graph.outputs).flatMap((name) => (name.startsWith("metric:") ? [name.slice("metric:".length)] : []));
}

/** Prefix of a forward graph's outputs with what a running statistic follows, [rows, …]; the parameter's name follows. */
export const statisticPrefix = "statistic:";

/** A result of a forward graph that is summed over the samples: the loss, or a metric's numbers. */
export interface SampleSum {
  /** The name of the output: "loss", "metric:NAME". */
  readonly name: string;
  /** Of the sum; the output is [rows, ...shape]. */
  readonly shape: Shape;
  readonly elements: number;
}

/** What is summed over the samples, in the order in which the sums travel: the loss, then the metrics. */
export function sampleSums(forward: Graph): SampleSum[] {
  return ["loss", ...metricNames(forward).map((name) => `metric:${name}`)].map((name) => {
    const shape = forward.nodes[forward.outputs[name]].shape.slice(1);
    return { name, shape, elements: elementCount(shape) };
  });
}
