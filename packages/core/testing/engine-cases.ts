// What every engine is tested with: random cases of each operation and each layer, and the gradient that is right for them.
import type fc from "fast-check";
import { layerCase, referenceGradients, testedLayers } from "./layer-cases.ts";
import { centralDifferences, operationCase, testedOperations, type OperationCase } from "./operation-cases.ts";

export interface EngineCase {
  readonly name: string;
  readonly of: "operation" | "layer";
  readonly arbitrary: () => fc.Arbitrary<OperationCase>;
  /** d loss / d parameters in float64. */
  readonly gradients: (anyCase: OperationCase) => ArrayLike<number>;
}

export const engineCases: readonly EngineCase[] = [
  ...testedOperations.map((name): EngineCase => ({
    name,
    of: "operation",
    arbitrary: () => operationCase(name),
    gradients: ({ forward, parameters }) => centralDifferences(forward, parameters),
  })),
  ...testedLayers.map((name): EngineCase => ({
    name,
    of: "layer",
    arbitrary: () => layerCase(name),
    gradients: referenceGradients,
  })),
];
