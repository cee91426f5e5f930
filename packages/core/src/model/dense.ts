// The fully connected layer, of which multi-layer perceptrons are made.
import * as math from "../graph/math.ts";
import { checkInitialiser, glorotUniform, heUniform, zeros, type Initialiser } from "./initialisers.ts";
import { checkActivation, type Layer } from "./layer.ts";
import { checkFlag, optionsOf } from "./options.ts";
import { checkSize } from "./role.ts";

export interface DenseOptions {
  /** Whether to add b. Default: true. */
  readonly bias?: boolean;
  /**
   * How W begins. Default: `heUniform` where a rectifier (relu, leakyRelu) takes the output, either as this layer's activation or as
   * the next layer; `glorotUniform` otherwise.
   */
  readonly weightInitialisation?: Initialiser;
  /** How b begins. Default: `zeros`. */
  readonly biasInitialisation?: Initialiser;
  /** A layer for the output to pass, as part of this one: `dense(128, { activation: relu() })`. Default: none. */
  readonly activation?: Layer;
  /**
   * What the layer does with samples of several dimensions when it is the first of a model. True: it takes all of a sample's values as
   * one vector, so that an image needs no flatten() before it. False: it works on the last dimension, as it does everywhere else.
   * Default: true.
   */
  readonly flatten?: boolean;
}

/**
 * y = x·Wᵀ + b over the last dimension: [rows, …, inputs] becomes [rows, …, units].
 * W is the parameter "weight" of shape [units, inputs], b the parameter "bias" of shape [units], as PyTorch stores them.
 * Goodfellow, Bengio & Courville 2016, §6.1, https://www.deeplearningbook.org
 * @throws TabgradError MODEL_INVALID where an option or the input does not fit
 */
export function dense(units: number, options?: DenseOptions): Layer {
  checkSize("dense", "units", units);
  const {
    bias = true,
    weightInitialisation,
    biasInitialisation = zeros(),
    activation,
    flatten = true,
  } = optionsOf("dense", options, {
    bias: checkFlag,
    weightInitialisation: checkInitialiser,
    biasInitialisation: checkInitialiser,
    activation: checkActivation,
    flatten: checkFlag,
  });
  return {
    role: "layer",
    kind: "dense",
    detail: `${units} ${units === 1 ? "unit" : "units"}`,
    takesVector: flatten,
    build(x, context) {
      if (x.shape.length < 2)
        throw context.error("a sample is one number, not a vector", "Put flatten() before it: it makes a vector of one value.");
      const inputs = x.shape[x.shape.length - 1];
      const fans = { fanIn: inputs, fanOut: units };
      const weights = weightInitialisation ?? defaultWeights(activation ?? context.next);
      const weight = context.parameter("weight", [units, inputs], weights.resolve(fans));
      // One large product instead of one for each row, and one for the weights' gradient too.
      const matrix = x.shape.length === 2 ? x : math.reshape(x, [-1, inputs]);
      let y = math.matmul(matrix, weight, { transposeB: true });
      if (bias) y = math.add(y, context.parameter("bias", [units], biasInitialisation.resolve(fans)));
      if (x.shape.length > 2) y = math.reshape(y, [-1, ...x.shape.slice(1, -1), units]);
      return activation ? context.layer("activation", activation, y, context.next) : y;
    },
  };
}

/** By what takes the output. */
export const defaultWeights = (next: Layer | undefined): Initialiser =>
  next?.negativeSlope === undefined ? glorotUniform() : heUniform({ slope: next.negativeSlope });
