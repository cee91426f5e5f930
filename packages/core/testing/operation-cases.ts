// Random graphs around one operation each, for property tests: every engine must find the gradient that central differences find.
// The operands are parameters, so that their gradients come out in the flat vector; the loss weights every output element differently.
import fc from "fast-check";
import {
  elementCount,
  evaluate,
  evaluationGraph,
  GraphBuilder,
  math,
  operations,
  parameterElements,
  type Graph,
  type OperationName,
} from "../src/graph/index.ts";
import { convolutionRecipes } from "./operations/convolution.ts";
import { elementwiseRecipes } from "./operations/elementwise.ts";
import { indexingRecipes } from "./operations/indexing.ts";
import { matmulRecipes } from "./operations/matmul.ts";
import { movementRecipes } from "./operations/movement.ts";
import { poolingRecipes } from "./operations/pooling.ts";
import { operandValues, type Recipe } from "./operations/recipe.ts";
import { reductionRecipes } from "./operations/reduction.ts";

export interface OperationCase {
  /** One row, no dataset inputs, output "loss" of shape [1]. */
  readonly forward: Graph;
  /** The operands, one after another; all are float32 numbers. */
  readonly parameters: Float64Array;
}

/** Whose inputs come from outside, and what is settled before there is anything to compute; their tests are about just that. */
type Untried = "input" | "parameter" | "constant" | "uniform" | "ifTraining";

/** One recipe for every other operation. */
const recipes: { readonly [K in Exclude<OperationName, Untried>]: () => fc.Arbitrary<Recipe> } = {
  ...elementwiseRecipes,
  ...matmulRecipes,
  ...convolutionRecipes,
  ...poolingRecipes,
  ...reductionRecipes,
  ...movementRecipes,
  ...indexingRecipes,
};

/** The operations that have a recipe: all but the sources. */
export const testedOperations = Object.keys(recipes) as (keyof typeof recipes)[];

/** Which operations a case of this one can differentiate through; the others pass no gradient, which is checked just the same. */
export const hasGradient = (name: OperationName): boolean => operations[name].gradient !== undefined;

/** Random cases of one operation. */
export function operationCase(name: keyof typeof recipes): fc.Arbitrary<OperationCase> {
  return recipes[name]().chain((recipe) =>
    fc.tuple(...recipe.operands.map(operandValues)).map((operands) => ({
      forward: forwardGraph(recipe),
      parameters: Float64Array.from(operands.flat(), Math.fround),
    })),
  );
}

function forwardGraph(recipe: Recipe): Graph {
  const builder = new GraphBuilder(1);
  const operands = recipe.operands.map(({ shape }, i) =>
    builder.emit("parameter", [], { name: `operand ${i}`, shape, initialisation: { kind: "constant", value: 0 } }),
  );
  const result = recipe.build(operands);
  const weights = Array.from({ length: elementCount(result.shape) }, (_, i) => Math.fround(Math.cos(1 + i)));
  const weighted = math.multiply(result, math.constant(result, weights, result.shape));
  return builder.graph({ loss: math.reshape(math.sum(weighted), [1]) });
}

/** The loss of a one-row graph in float64. */
export function referenceLoss(forward: Graph, parameters: Float64Array): number {
  return evaluate(evaluationGraph(forward, 1), { weights: [1] }, parameters).loss.data[0];
}

/** d loss / d parameters by central differences in float64: (f(x + h) − f(x − h)) / 2h. */
export function centralDifferences(forward: Graph, parameters: Float64Array, h = 1e-5): Float64Array {
  const graph = evaluationGraph(forward, 1);
  const lossAt = (at: Float64Array): number => evaluate(graph, { weights: [1] }, at).loss.data[0];
  return Float64Array.from({ length: parameterElements(forward) }, (_, i) => {
    const above = Float64Array.from(parameters);
    const below = Float64Array.from(parameters);
    above[i] += h;
    below[i] -= h;
    return (lossAt(above) - lossAt(below)) / (above[i] - below[i]);
  });
}
