// Where in a sequence a vector stands: attention does not see it otherwise. `math.rotary` is the third way, within attention.
import * as math from "../graph/math.ts";
import { formatShape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { checkVectors } from "./embedding.ts";
import { normal, type Initialiser } from "./initialisers.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { optionsOf } from "./options.ts";
import { checkPositive, checkSize } from "./role.ts";

export interface PositionEmbeddingOptions {
  /** How many positions there are vectors for. Default: as many as a sample has. */
  readonly positions?: number;
  /** How the vectors begin. Default: `normal({ mean: 0, deviation: 0.02 })`, as in GPT (Radford et al. 2018). */
  readonly initialisation?: Initialiser;
}

/**
 * Adds a vector that is learned for each position: x and y are [rows, positions, width], and the vectors are the parameter "weight" of
 * shape [positions, width]. Gehring et al. 2017, https://arxiv.org/abs/1705.03122
 * @throws TabgradError MODEL_INVALID where an option is wrong, or x has another shape or more positions
 */
export function positionEmbedding(options?: PositionEmbeddingOptions): Layer {
  const { positions, initialisation = normal({ deviation: 0.02 }) } = optionsOf("positionEmbedding", options, {
    positions: (kind, name, value) => checkSize(kind, name, value, "positionEmbedding({ positions: 64 })"),
    initialisation: checkVectors,
  });
  return {
    role: "layer",
    kind: "positionEmbedding",
    detail: positions === undefined ? "" : `${positions} positions`,
    build(x, context) {
      const [used, width] = sequenceOf(x, context);
      const count = positions ?? used;
      if (used > count)
        throw context.error(
          `a sample has ${used} positions, and there are vectors for ${count}`,
          `Give positions: ${used} or more.`,
        );
      const weight = context.parameter("weight", [count, width], initialisation.resolve({ fanIn: count, fanOut: width }));
      return math.add(x, used === count ? weight : math.slice(weight, 0, 0, used));
    },
  };
}

/**
 * Adds sines and cosines of the position t, of wavelengths from 2π to base · 2π: sin(t / base^(2i/width)) to x₂ᵢ, and the cosine of the same
 * to x₂ᵢ₊₁. Nothing is learned; x and y are [rows, positions, width]. Vaswani et al. 2017, §3.5, https://arxiv.org/abs/1706.03762
 * @throws TabgradError MODEL_INVALID where an option is wrong or x has another shape
 */
export function sinusoidalPositions(options?: { readonly base?: number }): Layer {
  const { base = 10_000 } = optionsOf("sinusoidalPositions", options, { base: checkPositive });
  return {
    role: "layer",
    kind: "sinusoidalPositions",
    detail: base === 10_000 ? "" : `base ${base}`,
    build(x, context) {
      const [positions, width] = sequenceOf(x, context);
      const each = (count: number, value: (i: number) => number): number[] => Array.from({ length: count }, (_, i) => value(i));
      const frequencies = math.constant(
        x,
        each(width, (i) => base ** (-(i - (i % 2)) / width)),
        [width],
      );
      // A cosine is a sine a quarter of a turn later.
      const phases = math.constant(
        x,
        each(width, (i) => (i % 2) * (Math.PI / 2)),
        [width],
      );
      const times = math.constant(
        x,
        each(positions, (t) => t),
        [positions, 1],
      );
      return math.add(x, math.sin(math.add(math.multiply(times, frequencies), phases)));
    },
  };
}

/** Positions and width of [rows, positions, width]. */
function sequenceOf(x: Value, context: LayerContext): [number, number] {
  const [, positions, width] = x.shape;
  if (x.shape.length === 3) return [positions, width];
  throw context.error(
    `a sample has shape ${formatShape(x.shape.slice(1))}; expected [positions, width]`,
    "Put it behind an embedding, or a layer that gives a vector for each position.",
  );
}
