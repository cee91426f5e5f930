// Walks over an ONNX graph and takes down what each node does. Nodes that have no counterpart are taken down as well, all of them, so
// that a person sees at once whether a model can be imported.
import { type DecodedGraph, type DecodedModel, type DecodedNode } from "@tabgrad/cpu";
import { featuresField, GraphBuilder, type Shape, type Value } from "@tabgrad/core";
import { NodeReader, Unsupported } from "./node-reader.ts";
import { fileConstants } from "./tied.ts";
import { settled } from "./views.ts";
import { shapeRows, type Computed, type LayerForm, type Operand, type Step } from "./step.ts";

/** A node that has no counterpart here, and why. */
export interface Problem {
  readonly node: string;
  readonly operation: string;
  readonly why: string;
}

export interface Translation {
  /** Of the input that the model takes. */
  readonly input: { readonly name: string; readonly shape: Shape; readonly rows: number | undefined };
  readonly output: { readonly name: string; readonly step: number; readonly shape: Shape };
  readonly steps: readonly Step[];
  readonly problems: readonly Problem[];
}

/** What a rule says of the step that a node becomes. `value` makes the shape known, by the operations that the source stands for. */
export interface Emission {
  readonly value: (inputs: readonly Value[], parameters: readonly Value[]) => Value;
  readonly layer?: LayerForm;
  readonly expression?: Step["expression"];
  readonly parameters?: Step["parameters"];
}

export class Translator {
  readonly opset: number;
  readonly steps: Step[] = [];
  /** The number of rows that the model was made for; undefined where it takes any. */
  readonly rows: number | undefined;
  private readonly builder = new GraphBuilder(shapeRows);
  private readonly operands = new Map<string, Operand>();
  private readonly settledOperands = new WeakMap<Computed, Computed>();
  private readonly reshapings = new Map<number, Computed>();
  private readonly readers = new Map<string, number>();
  private node = "";
  private parameterCount = 0;

  constructor({ graph, opset }: DecodedModel, input: { name: string; shape: Shape; rows: number | undefined }) {
    this.opset = opset;
    this.rows = input.rows;
    for (const constant of fileConstants(graph.initializers)) this.operands.set(constant.name, constant);
    const value = this.builder.emit("input", [], { name: featuresField, shape: input.shape, batched: true });
    this.operands.set(input.name, { kind: "computed", value, step: -1 });
    for (const tensor of [...graph.nodes.flatMap(({ inputs }) => inputs), ...graph.outputs.map(({ name }) => name)]) {
      this.readers.set(tensor, (this.readers.get(tensor) ?? 0) + 1);
    }
  }

  operand(tensor: string): Operand | undefined {
    return this.operands.get(tensor);
  }

  /** How many nodes and results read a tensor. */
  readersOf(tensor: string): number {
    return this.readers.get(tensor) ?? 0;
  }

  /** @throws Unsupported where the node has no counterpart */
  take(node: DecodedNode, rule: (reader: NodeReader, translator: Translator) => Operand | readonly Operand[]): void {
    this.node = node.name || node.outputs[0];
    const results = [rule(new NodeReader(node, this), this)].flat();
    const extra = node.outputs.slice(results.length).find((output) => this.readersOf(output) > 0);
    if (extra !== undefined) throw new Unsupported(`its second result, ${extra}, is read`);
    results.forEach((result, i) => this.operands.set(node.outputs[i], result));
  }

  /** A step that gives what `emission` says. */
  emit(inputs: readonly Computed[], emission: Emission): Computed {
    const { layer, expression, parameters = [] } = emission;
    const values = parameters.map(({ shape }) => this.parameter(shape));
    const value = emission.value(
      inputs.map((input) => input.value),
      values,
    );
    this.steps.push({ node: this.node, inputs: inputs.map(({ step }) => step), layer, expression, parameters });
    return { kind: "computed", value, step: this.steps.length - 1 };
  }

  /** The step that gives a tensor, with other weights: what normalises by fixed numbers is folded into what comes before. */
  replaceLayer(step: number, layer: LayerForm): void {
    this.steps[step] = { ...this.steps[step], layer };
  }

  /** As the file has it. @throws Unsupported where its first axis does not count the samples */
  settled(operand: Computed): Computed {
    const known = this.settledOperands.get(operand) ?? settled(operand, this);
    this.settledOperands.set(operand, known);
    return known;
  }

  /** What a step that does nothing but reshape was given; anything else as it is. */
  unshaped(operand: Computed): Computed {
    return this.reshapingOf(operand.step) ?? operand;
  }

  /** What that step was given if it does nothing but reshape. */
  reshapingOf(step: number): Computed | undefined {
    return this.reshapings.get(step);
  }

  noteReshaping(result: Computed, before: Computed): void {
    this.reshapings.set(result.step, before);
  }

  /** A parameter of the graph that shapes are worked out in. */
  parameter(shape: Shape): Value {
    const name = `parameter ${this.parameterCount++}`;
    return this.builder.emit("parameter", [], { name, shape, initialisation: { kind: "constant", value: 0 } });
  }
}

/** The nodes that lead to a tensor, in their order. */
export function nodesFor(graph: DecodedGraph, output: string): DecodedNode[] {
  const needed = new Set([output]);
  const nodes: DecodedNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((tensor) => needed.has(tensor))) continue;
    nodes.push(node);
    node.inputs.forEach((tensor) => needed.add(tensor));
  }
  return nodes.reverse();
}

/** The steps that lead to one of them, counted anew. */
export function stepsFor(steps: readonly Step[], last: number): Step[] {
  const needed = new Set([last]);
  for (let i = last; i >= 0; i--) if (needed.has(i)) steps[i].inputs.forEach((input) => needed.add(input));
  const kept = steps.map((_, i) => i).filter((i) => needed.has(i));
  const places = new Map([[-1, -1], ...kept.map((old, place) => [old, place] as const)]);
  return kept.map((i) => ({ ...steps[i], inputs: steps[i].inputs.map((input) => places.get(input)!) }));
}
