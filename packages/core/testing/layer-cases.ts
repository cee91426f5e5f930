// Random models of one layer each, for the same property tests as operations: a layer is several operations, and it is their composition
// that engines fuse and differentiate. Its input is a parameter, too, so that its gradient comes out.
import fc from "fast-check";
import {
  elementCount,
  evaluate,
  gradientPrefix,
  GraphBuilder,
  math,
  parameterElements,
  parameterSlots,
  trainingGraph,
  type Graph,
  type Shape,
} from "../src/graph/index.ts";
import {
  buildLayer,
  dense,
  elu,
  gelu,
  groupNorm,
  hardSwish,
  layerNorm,
  mish,
  multiHeadAttention,
  parallel,
  permute,
  positionEmbedding,
  residual,
  rmsNorm,
  sequential,
  silu,
  sinusoidalPositions,
  softplus,
  tanh,
  transformerBlock,
  type Layer,
} from "../src/model/index.ts";
import { keyed } from "../src/random/index.ts";
import type { OperationCase } from "./operation-cases.ts";

/** A layer, and an input for it with the rows. */
interface Recipe {
  readonly layer: Layer;
  readonly shape: Shape;
  /** Whether its slope has a slope only away from 0. */
  readonly awayFromZero?: boolean;
  /** How large values and parameters may be: a softmax of scores in the hundreds has fewer right digits in float32. Default: 2. */
  readonly reach?: number;
}

const few = fc.integer({ min: 1, max: 2 });
const size = fc.integer({ min: 1, max: 5 });
/** Of what is normalised, two values or more: one value alone is a constant, whatever it is. */
const width = fc.integer({ min: 2, max: 6 });
const someShape = fc.array(size, { minLength: 2, maxLength: 4 });

const activation = (layer: () => Layer) => (): fc.Arbitrary<Recipe> => someShape.map((shape) => ({ layer: layer(), shape }));

const attention = fc
  .record({ rows: few, positions: size, heads: few, part: fc.constantFrom(4, 6) })
  .chain(({ rows, positions, heads, part }) =>
    fc.record({
      shape: fc.constant<Shape>([rows, positions, heads * part]),
      heads: fc.constant(heads),
      causal: fc.boolean(),
      rotary: fc.boolean(),
      bias: fc.boolean(),
    }),
  );

const recipes: Readonly<Record<string, () => fc.Arbitrary<Recipe>>> = {
  elu: () => activation(elu)().map((recipe) => ({ ...recipe, awayFromZero: true })),
  gelu: activation(gelu),
  "gelu, approximated": activation(() => gelu({ approximate: "tanh" })),
  hardSwish: activation(hardSwish),
  mish: activation(mish),
  silu: activation(silu),
  softplus: activation(softplus),
  layerNorm: () =>
    fc
      .tuple(fc.array(width, { minLength: 2, maxLength: 4 }), fc.integer({ min: 1, max: 3 }), fc.boolean(), fc.boolean())
      .map(([shape, most, affine, bias]) => ({
        layer: layerNorm({ dimensions: Math.min(most, shape.length - 1), affine, bias, epsilon: 0.1 }),
        shape,
      })),
  rmsNorm: () =>
    fc.tuple(someShape, width, fc.boolean()).map(([shape, last, affine]) => ({
      layer: rmsNorm({ affine, epsilon: 0.1 }),
      shape: [...shape.slice(1), last],
    })),
  groupNorm: () =>
    fc.tuple(size, size, width, fc.array(size, { maxLength: 2 }), fc.boolean()).map(([rows, groups, each, positions, affine]) => ({
      layer: groupNorm(groups, { affine, epsilon: 0.1 }),
      shape: [rows, groups * each, ...positions],
    })),
  permute: () => fc.tuple(size, size, size, size).map((shape) => ({ layer: permute([2, 0, 1]), shape })),
  positionEmbedding: () =>
    fc.tuple(size, size, size, fc.nat({ max: 3 })).map(([rows, positions, width, more]) => ({
      layer: positionEmbedding({ positions: positions + more }),
      shape: [rows, positions, width],
    })),
  sinusoidalPositions: () => fc.tuple(size, size, size).map((shape) => ({ layer: sinusoidalPositions({ base: 100 }), shape })),
  residual: () =>
    fc.tuple(someShape, size).map(([shape, units]) => ({
      layer: residual(dense(units), tanh(), dense(units), { shortcut: dense(units) }),
      shape,
    })),
  parallel: () =>
    fc.tuple(someShape, size).map(([shape, units]) => ({
      layer: parallel(dense(units), sequential(dense(3), tanh(), dense(units))),
      shape,
    })),
  "parallel, joined": () =>
    someShape.map((shape) => ({ layer: parallel(tanh(), sequential(dense(3), tanh()), { join: "concatenate", axis: -1 }), shape })),
  multiHeadAttention: () => attention.map(({ shape, ...options }) => ({ layer: multiHeadAttention(options), shape, reach: 0.7 })),
  transformerBlock: () =>
    fc.tuple(attention, fc.boolean(), fc.constantFrom("layer", "rms")).map(([{ shape, ...options }, normFirst, norm]) => ({
      layer: transformerBlock({ ...options, normFirst, norm, expand: 2 }),
      shape,
      reach: 0.7,
    })),
};

export const testedLayers: readonly string[] = Object.keys(recipes);

/**
 * Random cases of one layer. The values are drawn all at once, not searched for the worst ones: equal values, which a normalisation
 * brings apart by their rounding, have no central differences to speak of.
 */
export const layerCase = (name: string): fc.Arbitrary<OperationCase> =>
  fc.tuple(recipes[name](), fc.nat()).map(([recipe, seed]) => {
    const forward = forwardGraph(recipe);
    const { reach = 2, awayFromZero = false } = recipe;
    const parameters = new Float32Array(parameterElements(forward));
    keyed(seed, "initialise", 0).fillUniform(parameters, -reach, reach);
    const value = (x: number): number => (awayFromZero && Math.abs(x) < 1e-3 ? 1 : x);
    return { forward, parameters: Float64Array.from(parameters, value) };
  });

/**
 * d loss / d parameters in float64 by the gradient rules, which core's own test holds against central differences: with as many
 * parameters as a layer has, these would take seconds for each case.
 */
export function referenceGradients({ forward, parameters }: OperationCase): number[] {
  const outputs = evaluate(trainingGraph(forward, 1), { weights: [1] }, parameters);
  return parameterSlots(forward).flatMap(({ name }) => [...outputs[gradientPrefix + name].data]);
}

function forwardGraph({ layer, shape }: Recipe): Graph {
  const builder = new GraphBuilder(1);
  const input = builder.emit("parameter", [], { name: "input", shape, initialisation: { kind: "constant", value: 0 } });
  const result = buildLayer(builder, layer, input);
  const weights = Array.from({ length: elementCount(result.shape) }, (_, i) => Math.fround(Math.cos(1 + i)));
  const weighted = math.multiply(result, math.constant(result, weights, result.shape));
  return builder.graph({ loss: math.reshape(math.sum(weighted), [1]) });
}
