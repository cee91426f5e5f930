// What a lowering rule is. Two kinds: every operation has a plain rule (operations/), and some patterns of operations have a faster one
// (peepholes/).
import type { Graph, Node, NodeFor, OperationName, Shape } from "@tabgrad/core";
import type { OnnxBuilder } from "./builder.ts";

export interface LoweringContext<K extends OperationName> {
  readonly node: NodeFor<K>;
  /** Names of the operands' tensors, in the order of the node's inputs. */
  readonly inputs: readonly string[];
  /** Shapes of the operands. */
  readonly shapes: readonly Shape[];
  readonly onnx: OnnxBuilder;
}

/** Emits ONNX nodes for one node of the graph and returns the name of the result. */
export type Lowering<K extends OperationName> = (context: LoweringContext<K>) => string;

/** The graph as a peephole sees it. */
export interface GraphView {
  readonly graph: Graph;
  /** True if the node has one reader and is no output: a rule that covers its reader may leave it out. */
  isReadOnce(node: number): boolean;
}

/** A faster way to compute one node, from operands that need not be its direct inputs. */
export interface Match {
  /** Indices of the nodes whose tensors it reads. */
  readonly operands: readonly number[];
  lower(operands: readonly string[], onnx: OnnxBuilder): string;
}

/** Returns undefined where it does not apply. Must compute the very same function, infinities and NaN included. */
export type Peephole = (node: Node, view: GraphView) => Match | undefined;
