// Convolutional layers over images and sequences. A sequence is an image of height 1.
import * as math from "../graph/math.ts";
import { formatShape } from "../graph/shape.ts";
import { defaultWeights } from "./dense.ts";
import { checkInitialiser, zeros, type Initialiser } from "./initialisers.ts";
import { checkActivation, type Layer } from "./layer.ts";
import { checkedLater, checkFlag, optionsOf, type OptionChecks } from "./options.ts";
import { checkSize } from "./role.ts";
import {
  asImages,
  asSamples,
  paddingFor,
  windowChecks,
  windowOf,
  windowText,
  type Extent,
  type Window,
  type WindowOptions,
} from "./window.ts";

export interface ConvolutionOptions<E> extends WindowOptions<E> {
  /** Cells from one tap of the window to the next. Default: 1. */
  readonly dilation?: E;
  /**
   * Channels and filters are cut into so many groups, and each filter sees the channels of its group only. As many as there are channels:
   * each channel by itself (depthwise). Default: 1.
   */
  readonly groups?: number;
  /** Whether to add a bias to each channel. Default: true. */
  readonly bias?: boolean;
  /**
   * How the filters begin. Default: `heUniform` where a rectifier (relu, leakyRelu) takes the output, either as this layer's activation
   * or as the next layer; `glorotUniform` otherwise.
   */
  readonly weightInitialisation?: Initialiser;
  /** How the bias begins. Default: `zeros`. */
  readonly biasInitialisation?: Initialiser;
  /** A layer for the output to pass, as part of this one. Default: none. */
  readonly activation?: Layer;
}

export type Conv1dOptions = ConvolutionOptions<number>;
export type Conv2dOptions = ConvolutionOptions<Extent>;

/**
 * Every filter's products with each window, summed up: [rows, C, H, W] becomes [rows, filters, H′, W′]. A sample [H, W] is an image of one
 * channel. By default the window moves by one cell, and there is no padding.
 * The filters are the parameter "weight" of shape [filters, C / groups, kH, kW], and "bias" has shape [filters], as PyTorch stores them.
 * LeCun, Bottou, Bengio & Haffner 1998, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf
 * @param kernel the window: one number, or [height, width]
 * @throws TabgradError MODEL_INVALID where an option or the input does not fit
 */
export const conv2d = (filters: number, kernel: Extent, options?: Conv2dOptions): Layer =>
  convolution("conv2d", 2, filters, kernel, options);

/**
 * As `conv2d`, over sequences: [rows, C, L] becomes [rows, filters, L′]. A sample [L] has one channel; where positions come before
 * channels, as after an embedding, put permute([1, 0]) before it. "weight" has shape [filters, C / groups, kernel].
 * @throws TabgradError MODEL_INVALID where an option or the input does not fit
 */
export const conv1d = (filters: number, kernel: number, options?: Conv1dOptions): Layer =>
  convolution("conv1d", 1, filters, kernel, options);

const optionChecks: OptionChecks<Conv2dOptions> = {
  ...windowChecks,
  dilation: checkedLater,
  groups: (kind, name, value) => checkSize(kind, name, value, "groups: 1"),
  bias: checkFlag,
  weightInitialisation: checkInitialiser,
  biasInitialisation: checkInitialiser,
  activation: checkActivation,
};

function convolution(
  kind: "conv1d" | "conv2d",
  dimensions: 1 | 2,
  filters: number,
  kernel: Extent,
  options: Conv2dOptions | undefined,
): Layer {
  checkSize(kind, "filters", filters, `${kind}(32, 3)`);
  const given = optionsOf(kind, options, optionChecks);
  const { stride = 1, padding = "valid", dilation = 1, groups = 1, bias = true } = given;
  const { weightInitialisation, biasInitialisation = zeros(), activation } = given;
  const window = windowOf(kind, dimensions, { kernel, stride, padding, dilation });
  return {
    role: "layer",
    kind,
    detail: `${filters} ${filters === 1 ? "filter" : "filters"} of ${windowText(window)}`,
    build(x, context) {
      const images = asImages(x, window, context);
      const channels = images.shape[1];
      for (const [count, what] of [[channels, "channels of a sample"] as const, [filters, "filters"] as const]) {
        if (count % groups === 0) continue;
        const message = `${count} ${what} cannot be dealt out to ${groups} groups; a sample has shape ${formatShape(x.shape.slice(1))}`;
        throw context.error(message, "Use a number of groups that divides both channels and filters.");
      }
      const area = window.kernel[0] * window.kernel[1];
      const fans = { fanIn: (channels / groups) * area, fanOut: (filters / groups) * area };
      const weights = weightInitialisation ?? defaultWeights(activation ?? context.next);
      const weight = context.parameter("weight", filterShape(filters, channels / groups, window), weights.resolve(fans));
      const attributes = { strides: window.strides, dilations: window.dilations, padding: paddingFor(window, images, context) };
      const filtersOf2d = dimensions === 2 ? weight : math.reshape(weight, [filters, channels / groups, ...window.kernel]);
      let y = math.conv2d(images, filtersOf2d, { ...attributes, groups });
      if (bias) {
        const value = context.parameter("bias", [filters], biasInitialisation.resolve(fans));
        y = math.add(y, math.reshape(value, [filters, 1, 1]));
      }
      const result = asSamples(y, window);
      return activation ? context.layer("activation", activation, result, context.next) : result;
    },
  };
}

const filterShape = (filters: number, channels: number, { dimensions, kernel }: Window): number[] =>
  dimensions === 1 ? [filters, channels, kernel[1]] : [filters, channels, ...kernel];
