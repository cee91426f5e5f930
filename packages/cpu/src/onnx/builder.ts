// Collects the nodes and constants of an ONNX graph while it is lowered. Every tensor has a name; rules pass names around.
import { elementCount, type Shape } from "@tabgrad/core";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValueInfo } from "./model.ts";

/** Attributes as rules write them: a number is an int unless it is wrapped in `float`. */
export type Attributes = Readonly<Record<string, number | readonly number[] | OnnxAttribute>>;

export const float = (value: number): OnnxAttribute => ({ kind: "float", value });

/** TensorProto.DataType, as the attribute `to` of Cast takes it. */
const castTo = { float: 1, int64: 7, bool: 9 } as const;

export class OnnxBuilder {
  /** Whether rules go out of their way so that a NaN comes through. */
  readonly keepsNaN: boolean;
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers = new Map<string, OnnxTensor>();
  private readonly inputs: OnnxValueInfo[] = [];
  private readonly outputs: OnnxValueInfo[] = [];
  private readonly results: { readonly name: string; readonly tensor: string }[] = [];
  /** Nodes that `severalOutputs` made, by what they compute. */
  private readonly shared = new Map<string, number>();
  private documentation = "";

  constructor({ keepsNaN = true }: { readonly keepsNaN?: boolean } = {}) {
    this.keepsNaN = keepsNaN;
  }

  /** Says which layer the nodes that follow belong to. */
  document(label: string): void {
    this.documentation = label;
  }

  /** Adds a node with one output and returns the output's name. Generated names hold a space, which keeps them apart from all others. */
  node(type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = `${type} ${this.nodes.length}`;
    this.nodes.push({ type, inputs, outputs: [output], attributes: wrap(attributes), documentation: this.documentation });
    return output;
  }

  /**
   * The first so many outputs of a node; an equal one that is there already gets those that it lacks. Only for types whose outputs do
   * not depend on how many of them are asked for.
   */
  severalOutputs(type: string, inputs: readonly string[], attributes: Attributes, count: number): readonly string[] {
    const key = JSON.stringify([type, inputs, attributes]);
    const index = this.shared.get(key) ?? this.nodes.length;
    if (index === this.nodes.length) this.node(type, inputs, attributes);
    this.shared.set(key, index);
    const { outputs, ...node } = this.nodes[index];
    const missing = Array.from({ length: count - outputs.length }, (_, i) => `${outputs[0]} ${outputs.length + i}`);
    const all = [...outputs, ...missing];
    this.nodes[index] = { ...node, outputs: all };
    return all;
  }

  /** A boolean or whole-number tensor as float32: true is 1. */
  asFloat(tensor: string): string {
    return this.node("Cast", [tensor], { to: castTo.float });
  }

  /** A tensor of whole numbers as int64. */
  asInteger(tensor: string): string {
    return this.node("Cast", [tensor], { to: castTo.int64 });
  }

  /** True where the tensor is not 0. */
  asBoolean(tensor: string): string {
    return this.node("Cast", [tensor], { to: castTo.bool });
  }

  /** A float32 constant; equal ones are stored once. `values` has one value for each element, or one that fills the shape. */
  constant(values: readonly number[], shape: Shape = []): string {
    if (values.length === 1 && elementCount(shape) > 1) return this.node("Expand", [this.constant(values), this.integers(shape)]);
    return this.initializer({ name: "", type: "float", shape, data: Float32Array.from(values) });
  }

  /** int64: shapes, axes, permutations, indices. A vector unless a shape is given. */
  integers(values: readonly number[], shape: Shape = [values.length]): string {
    return this.initializer({ name: "", type: "int64", shape, data: BigInt64Array.from(values, BigInt) });
  }

  /** Declares a float32 tensor that every run feeds. A string names a dimension that only a run knows. */
  input(name: string, shape: readonly (number | string)[]): string {
    this.inputs.push({ name, type: "float", shape });
    return name;
  }

  /** Declares a float32 result. One tensor may be several results, and an input or a constant may be one. */
  output(name: string, tensor: string, shape: readonly (number | string)[]): void {
    this.outputs.push({ name, type: "float", shape });
    this.results.push({ name, tensor });
  }

  graph(name: string): OnnxGraph {
    const { nodes, renamed } = this.nameResults();
    const rename = (tensor: string): string => renamed.get(tensor) ?? tensor;
    return {
      name,
      nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
      initializers: [...this.initializers.values()],
      inputs: this.inputs,
      outputs: this.outputs,
    };
  }

  /** A node writes its result under the result's name; only where that cannot be does a copy stand between. */
  private nameResults(): { nodes: OnnxNode[]; renamed: Map<string, string> } {
    const computed = new Set(this.nodes.flatMap((node) => node.outputs));
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const { name, tensor } of this.results) {
      if (computed.has(tensor) && !renamed.has(tensor)) renamed.set(tensor, name);
      else copies.push({ type: "Identity", inputs: [tensor], outputs: [name], attributes: {}, documentation: "" });
    }
    return { nodes: [...this.nodes, ...copies], renamed };
  }

  private initializer(tensor: OnnxTensor): string {
    const bits = tensor.type === "float" ? new Uint32Array(tensor.data.buffer) : tensor.data;
    const key = `${tensor.type} [${tensor.shape.join()}] ${bits.join()}`;
    const before = this.initializers.get(key);
    if (before) return before.name;
    const name = `constant ${this.initializers.size}`;
    this.initializers.set(key, { ...tensor, name });
    return name;
  }
}

const wrap = (attributes: Attributes): Record<string, OnnxAttribute> =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => {
      if (typeof value === "number") return [name, { kind: "int", value }];
      return [name, isIntegers(value) ? { kind: "ints", value } : value];
    }),
  );

const isIntegers = (value: readonly number[] | OnnxAttribute): value is readonly number[] => Array.isArray(value);
