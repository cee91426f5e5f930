// One ONNX node as a rule wants to read it: its operands and attributes, of the kind that it expects, or a reason why not.
import type { DecodedAttribute, DecodedNode } from "@tabgrad/cpu";
import type { Shape } from "@tabgrad/core";
import type { Computed, Constant, Operand } from "./step.ts";
import type { Translator } from "./translation.ts";

/** Why a node has no counterpart here. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}

/** An operand could not be translated, which its own node says. */
export class Unknown extends Error {
  override readonly name = "Unknown";
}

export class NodeReader {
  readonly node: DecodedNode;
  readonly opset: number;
  private readonly translator: Translator;

  constructor(node: DecodedNode, translator: Translator) {
    this.node = node;
    this.opset = translator.opset;
    this.translator = translator;
  }

  /** The same node with its two operands the other way round. */
  swapped(): NodeReader {
    return new NodeReader({ ...this.node, inputs: [...this.node.inputs].reverse() }, this.translator);
  }

  get count(): number {
    return this.node.inputs.length;
  }

  has(position: number): boolean {
    return (this.node.inputs[position] ?? "") !== "";
  }

  /** An operand as the file has it. */
  operand(position: number): Operand {
    const operand = this.viewed(position);
    return operand.kind === "computed" ? this.translator.settled(operand) : operand;
  }

  /** An operand under a view, for rules that can do with one. */
  viewed(position: number): Operand {
    const tensor = this.node.inputs[position] ?? "";
    const operand = this.translator.operand(tensor);
    if (operand) return operand;
    throw tensor === "" ? new Unsupported(`its input ${position} is missing`) : new Unknown();
  }

  /** An operand that depends on the model's input. */
  computed(position: number): Computed {
    const operand = this.operand(position);
    if (operand.kind === "computed") return operand;
    throw new Unsupported(`its input ${position} is a constant`);
  }

  constant(position: number): Constant {
    const operand = this.operand(position);
    if (operand.kind === "constant") return operand;
    throw new Unsupported(`its input ${position} is no constant`);
  }

  /** The numbers of a constant operand, or of an attribute, which is where older operator sets have them. */
  numbers(position: number, attribute: string): number[] | undefined {
    if (this.has(position)) return Array.from(this.constant(position).data);
    const value = this.node.attributes[attribute];
    return value === undefined ? undefined : this.list(attribute, []);
  }

  number(name: string, fallback: number): number {
    const value = this.attribute(name) ?? fallback;
    if (typeof value === "number") return value;
    throw new Unsupported(`its attribute ${name} is no number`);
  }

  text(name: string, fallback: string): string {
    const value = this.attribute(name) ?? fallback;
    if (typeof value === "string") return value;
    throw new Unsupported(`its attribute ${name} is no text`);
  }

  list(name: string, fallback: readonly number[]): number[] {
    const value = this.attribute(name) ?? fallback;
    if (Array.isArray(value) && value.every((one) => typeof one === "number")) return value;
    throw new Unsupported(`its attribute ${name} is no list of numbers`);
  }

  attribute(name: string): DecodedAttribute | undefined {
    return this.node.attributes[name];
  }
}

/** An axis counted from 0, which must not be that of the rows. */
export function axisIn(axis: number, { length: rank }: Shape): number {
  const from0 = axis < 0 ? axis + rank : axis;
  if (from0 > 0 && from0 < rank) return from0;
  throw new Unsupported(from0 === 0 ? "it works along the first dimension, which counts the samples" : `it has no axis ${axis}`);
}
