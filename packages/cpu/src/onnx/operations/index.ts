// The register of plain lowering rules: one for every operation of the table.
import type { EngineOperation, OperationName } from "@tabgrad/core";
import type { Lowering } from "../lowering.ts";
import * as broadcasting from "./broadcasting.ts";
import { conv2d, conv2dFilterGradient, conv2dInputGradient } from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import * as gelu from "./gelu.ts";
import * as indexing from "./indexing.ts";
import { matmul } from "./matmul.ts";
import * as movement from "./movement.ts";
import * as normalisation from "./normalisation.ts";
import { averagePool2d, averagePool2dGradient, maxPool2d, maxPool2dGather, maxPool2dGradient } from "./pooling.ts";
import * as reduction from "./reduction.ts";
import { constant, input, parameter, uniform } from "./source.ts";

export const lowerings: { readonly [K in EngineOperation]: Lowering<K> } = {
  input,
  parameter,
  constant,
  ...elementwise,
  ...gelu,
  ...broadcasting,
  matmul,
  ...{ conv2d, conv2dInputGradient, conv2dFilterGradient },
  ...{ maxPool2d, maxPool2dGradient, maxPool2dGather, averagePool2d, averagePool2dGradient },
  ...reduction,
  ...normalisation,
  ...movement,
  ...indexing,
  uniform,
};

/** The rule with its type widened to where the operation is not known statically; undefined for one that this engine cannot do. */
export const loweringOf = (name: OperationName): Lowering<OperationName> | undefined =>
  Object.hasOwn(lowerings, name) ? (lowerings[name as EngineOperation] as unknown as Lowering<OperationName>) : undefined;
