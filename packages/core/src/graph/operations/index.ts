// The register of operations: name → definition.
import type { OperationName } from "../attributes.ts";
import type { OperationDefinition } from "../operation.ts";
import * as broadcasting from "./broadcasting.ts";
import { conv2d, conv2dFilterGradient, conv2dInputGradient } from "./convolution.ts";
import * as elementwise from "./elementwise.ts";
import { gelu, geluGradient } from "./gelu.ts";
import * as indexing from "./indexing.ts";
import { matmul } from "./matmul.ts";
import * as movement from "./movement.ts";
import * as normalisation from "./normalisation.ts";
import { averagePool2d, averagePool2dGradient, maxPool2d, maxPool2dGather, maxPool2dGradient } from "./pooling.ts";
import * as reduction from "./reduction.ts";
import * as source from "./source.ts";
import { ifTraining, uniform } from "./training.ts";

type Register = { readonly [K in OperationName]: OperationDefinition<K> };

export const operations = {
  ...source,
  ...elementwise,
  ...{ gelu, geluGradient },
  ...broadcasting,
  matmul,
  ...{ conv2d, conv2dInputGradient, conv2dFilterGradient },
  ...{ maxPool2d, maxPool2dGradient, maxPool2dGather, averagePool2d, averagePool2dGradient },
  ...reduction,
  ...normalisation,
  ...movement,
  ...indexing,
  ...{ uniform, ifTraining },
} satisfies Register as Register;

export const isOperationName = (name: string): name is OperationName => Object.hasOwn(operations, name);

/** The definition of an operation, its type widened to where a node's attributes are not known statically. */
export const definitionOf = (name: OperationName): OperationDefinition<OperationName> => operations[name];
