// What a kernel family tells the engine about an operation, so that a new operation is one entry in kernels/index.ts.
import type { NodeFor, OperationName, Shape } from "@tabgrad/core";
import type { Tensor } from "../plan/tensor.ts";
import type { Block, Lanes, Position } from "../wgsl/position.ts";
import type { Dispatch, Shader } from "../wgsl/shader.ts";

/** WGSL text of type f32 (one lane) or vec4f (four). */
export interface Expression {
  readonly code: string;
  readonly lanes: Lanes;
}

/** Gives values of nodes as expressions, within one block of one shader. */
export interface Reader {
  readonly shader: Shader;
  readonly block: Block;
  /** The value of the input with this number, at a position in its own shape. */
  input(number: number, position: Position): Expression;
  shapeOf(number: number): Shape;
}

/** Feeds the graph; no kernel. */
export interface SourceLowering {
  readonly kind: "source";
}

/** An operation whose every element is an expression of single elements of its inputs. Chains of them become one kernel. */
export interface InlineLowering<K extends OperationName> {
  readonly kind: "inline";
  /** Roughly, in multiplications. */
  readonly cost: number;
  /** True if nothing is rounded, so that computing it twice gives the same bits whatever it is fused with. */
  readonly exact: boolean;
  /** True if element i of the output is made of the elements at i, or of what is repeated there: broadcasting and reshaping. */
  readonly inPlace: boolean;
  /** The element, or undefined if four lanes at this position cannot be had at once. */
  emit(node: NodeFor<K>, position: Position, reader: Reader): Expression | undefined;
}

/** An operation with a kernel of its own. What follows it element by element is fused into its end. */
export interface AnchorLowering<K extends OperationName> {
  readonly kind: "anchor";
  /** "memory": inputs must have been stored. "expression": they are read once each, so what precedes is fused into the reading. */
  readonly operands: "memory" | "expression";
  lower(node: NodeFor<K>, context: AnchorContext): Dispatch[];
}

export type Lowering<K extends OperationName> = SourceLowering | InlineLowering<K> | AnchorLowering<K>;

/** How an anchor's kernel is written: its operands, and what happens to its result. */
export interface AnchorContext {
  readonly label: string;
  readonly outputShape: Shape;
  readonly maxGroups: number;
  shapeOf(input: number): Shape;
  /** The tensor of an operand of kind "memory". */
  tensor(input: number): Tensor;
  /** The element of an operand of kind "expression"; `block` is where its lines go. */
  operand(shader: Shader, block: Block, input: number, position: Position): Expression;
  /** A tensor that lives from the first to the last dispatch of this operation. */
  scratch(elements: number): Tensor;
  /**
   * Writes a result: what follows the operation, then the store. `position` is in the output's shape. The value has as many lanes
   * as the position.
   */
  finish(shader: Shader, block: Block, position: Position, value: string): void;
}
