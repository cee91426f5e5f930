// The register of kernels: every operation of the graph's table and how it is lowered. The compiler holds it complete.
import type { EngineOperation, NodeFor, Node, OperationName } from "@tabgrad/core";
import { argmax } from "./argmax.ts";
import * as convolution from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as indexing from "./indexing.ts";
import type { AnchorLowering, InlineLowering, Lowering } from "./lowering.ts";
import { matmul } from "./matmul.ts";
import * as movement from "./movement.ts";
import * as normalisation from "./normalisation.ts";
import * as pooling from "./pooling.ts";
import { uniform } from "./random.ts";
import * as reduction from "./reduction.ts";
import * as softmax from "./softmax.ts";
import * as source from "./source.ts";

type Register = { readonly [K in EngineOperation]: Lowering<K> };

const { input, parameter, constant } = source;
const { reshape, transpose, broadcastTo, oneHot, slice, pad, concatenate } = movement;
const { widen: _, ...pointwise } = elementwise;

export const lowerings = {
  ...{ input, parameter, constant },
  ...pointwise,
  ...{ matmul, argmax },
  ...convolution,
  ...pooling,
  ...{ sum: reduction.sum, max: reduction.max },
  ...normalisation,
  ...{ softmax: softmax.softmax, logSoftmax: softmax.logSoftmax },
  ...{ reshape, transpose, broadcastTo, oneHot, slice, pad, concatenate },
  ...indexing,
  uniform,
} satisfies Register as Register;

/** The lowering of a node, its type widened to where the operation is not known statically; undefined if there is none. */
export const loweringOf = (node: Node): Lowering<OperationName> | undefined =>
  Object.hasOwn(lowerings, node.operation) ? lowerings[node.operation as EngineOperation] : undefined;

/** The lowering of a node that fuses, or undefined. */
export function inlineLowering(node: Node): InlineLowering<OperationName> | undefined {
  const lowering = loweringOf(node);
  return lowering?.kind === "inline" ? lowering : undefined;
}

/** The lowering of a node with a kernel of its own, or undefined. */
export function anchorLowering(node: Node): AnchorLowering<OperationName> | undefined {
  const lowering = loweringOf(node);
  return lowering?.kind === "anchor" ? lowering : undefined;
}

/** A node seen as whatever operation its lowering is for. */
export const asAny = (node: Node): NodeFor<OperationName> => node;
