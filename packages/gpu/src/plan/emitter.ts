// Writes the values of a group's nodes as WGSL, from the root down to what is stored.
import { elementCount, type Graph, type Node, type Shape } from "@tabgrad/core";
import { asAny, inlineLowering } from "../kernels/index.ts";
import type { Expression } from "../kernels/lowering.ts";
import type { Block, Position } from "../wgsl/position.ts";
import type { Shader } from "../wgsl/shader.ts";
import type { Tensor } from "./tensor.ts";

/** What a kernel has at hand while it writes expressions. */
export interface Present {
  /** The node whose value it is about to store: computed here, and not to be had from memory yet. */
  readonly root?: number;
  /** The value of the group's anchor. */
  readonly anchor?: { readonly node: number; readonly value: Expression };
}

export class Emitter {
  private readonly graph: Graph;
  private readonly tensorOf: (node: number) => Tensor | undefined;
  private readonly shader: Shader;
  private readonly block: Block;
  private readonly present: Present;
  /** Which of four elements is computed, where they are computed one by one. */
  private lane: number | undefined;
  private readonly memo = new Map<number, Map<Position, Expression>>();

  /** @param tensorOf the tensor of a stored node */
  constructor(graph: Graph, tensorOf: (node: number) => Tensor | undefined, shader: Shader, block: Block, present: Present = {}) {
    this.graph = graph;
    this.tensorOf = tensorOf;
    this.shader = shader;
    this.block = block;
    this.present = present;
  }

  /** The value of a node at a position in its shape: one lane if all lanes have the same value. */
  value(index: number, position: Position): Expression {
    const { anchor } = this.present;
    if (index === anchor?.node) return this.laneOf(anchor.value);
    const known = this.memo.get(index) ?? new Map<Position, Expression>();
    this.memo.set(index, known);
    let value = known.get(position);
    if (!value) known.set(position, (value = this.make(index, position)));
    return value;
  }

  private make(index: number, position: Position): Expression {
    const node = this.graph.nodes[index];
    if (node.operation === "constant" && node.attributes.values.length === 1) {
      return { code: this.shader.number(node.attributes.values[0]), lanes: 1 };
    }
    const tensor = index === this.present.root ? undefined : this.tensorOf(index);
    if (tensor) return this.define(this.shader.input(tensor).load(position.linear(), position.lanes), position);
    const value = this.compute(node, position);
    return { ...value, code: this.block.define("v", value.code) };
  }

  private define(code: string, { lanes }: Position): Expression {
    return { code: this.block.define("x", code), lanes };
  }

  private compute(node: Node, position: Position): Expression {
    const lowering = inlineLowering(node);
    if (!lowering) throw new Error(`${node.operation} is neither stored nor an expression`);
    const value = lowering.emit(asAny(node), position, {
      shader: this.shader,
      block: this.block,
      input: (number, at) => this.input(node, number, at),
      shapeOf: (number): Shape => this.graph.nodes[node.inputs[number]].shape,
    });
    if (value) return value;
    // The four elements do not lie side by side in the inputs: each by itself, then together.
    const lanes = [0, 1, 2, 3].map((lane) => {
      this.lane = lane;
      return this.compute(node, position.lane(lane)).code;
    });
    this.lane = undefined;
    return { code: `vec4f(${lanes.join(", ")})`, lanes: 4 };
  }

  /** The anchor has computed all four; what takes them apart gets its one. */
  private laneOf(value: Expression): Expression {
    return this.lane === undefined ? value : { code: `(${value.code})[${this.lane}]`, lanes: 1 };
  }

  private input(node: Node, number: number, position: Position): Expression {
    const value = this.value(node.inputs[number], position);
    // WGSL refuses a shader in which arithmetic on literals overflows or divides by zero; on a variable it does as IEEE 754 says.
    const literals = node.inputs.every((input) => this.graph.nodes[input].operation === "constant");
    return literals ? { ...value, code: this.named(value.code) } : value;
  }

  private named(literal: string): string {
    return this.block.define("k", `(${literal})`);
  }
}

/** Elements are taken by four wherever they can be. */
export const lanesFor = (shape: Shape): 1 | 4 => (elementCount(shape) % 4 === 0 ? 4 : 1);
