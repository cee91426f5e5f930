// Random models of one layer each, for the same property tests as operations: a layer is several operations, and it is their composition
// that engines fuse and differentiate. Its input is a parameter, too, so that its gradient comes out.
import fc from "fast-check";
import { elementCount, GraphBuilder, math, parameterSlots, type Graph, type Shape } from "../src/graph/index.ts";
import {
  buildLayer,
  dense,
  elu,
  gelu,
  groupNorm,
  hardSwish,
  layerNorm,
  mish,
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
  type Layer,
} from "../src/model/index.ts";
import type { OperationCase } from "./operation-cases.ts";

/** A layer, and an input for it with the rows. */
interface Recipe {
  readonly layer: Layer;
  readonly shape: Shape;
  /** Whether its slope has a slope only away from 0. */
  readonly awayFromZero?: boolean;
}

const size = fc.integer({ min: 1, max: 5 });
/** Of what is normalised, two values or more: one value alone is a constant, whatever it is. */
const width = fc.integer({ min: 2, max: 6 });
const someShape = fc.array(size, { minLength: 2, maxLength: 4 });

const activation = (layer: () => Layer) => (): fc.Arbitrary<Recipe> => someShape.map((shape) => ({ layer: layer(), shape }));

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
};

export const testedLayers: readonly string[] = Object.keys(recipes);

/** Random cases of one layer. */
export function layerCase(name: string): fc.Arbitrary<OperationCase> {
  return recipes[name]().chain((recipe) => {
    const forward = forwardGraph(recipe);
    const length = parameterSlots(forward).reduce((sum, { elements }) => sum + elements, 0);
    const any = fc.double({ min: -2, max: 2, noNaN: true });
    const value = recipe.awayFromZero ? any.filter((x) => Math.abs(x) > 1e-3) : any;
    return fc
      .array(value, { minLength: length, maxLength: length })
      .map((parameters) => ({ forward, parameters: Float64Array.from(parameters, Math.fround) }));
  });
}

function forwardGraph({ layer, shape }: Recipe): Graph {
  const builder = new GraphBuilder(1);
  const input = builder.emit("parameter", [], { name: "input", shape, initialisation: { kind: "constant", value: 0 } });
  const result = buildLayer(builder, layer, input);
  const weights = Array.from({ length: elementCount(result.shape) }, (_, i) => Math.fround(Math.cos(1 + i)));
  const weighted = math.multiply(result, math.constant(result, weights, result.shape));
  return builder.graph({ loss: math.reshape(math.sum(weighted), [1]) });
}
