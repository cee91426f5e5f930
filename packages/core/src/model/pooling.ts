// Layers that sum up windows, or whole samples, of each channel.
import * as math from "../graph/math.ts";
import type { PoolingAttributes } from "../graph/attributes.ts";
import { formatShape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { Layer } from "./layer.ts";
import { checkFlag, checkNothing, optionsOf } from "./options.ts";
import { asImages, asSamples, paddingFor, windowChecks, windowOf, windowText, type Extent, type WindowOptions } from "./window.ts";

export interface AveragePoolOptions<E> extends WindowOptions<E> {
  /** Whether the padding counts as zeros, as PyTorch has it by default, or is left out of the mean. Default: false. */
  readonly countPadding?: boolean;
}

/**
 * The largest value of each window: [rows, C, H, W] becomes [rows, C, H′, W′]. A sample [H, W] is an image of one channel. By default
 * windows lie side by side, without padding; what is left at the end is dropped. Of equal values the first gets the gradient.
 * @param kernel the window: one number, or [height, width]. Default: 2
 * @throws TabgradError MODEL_INVALID where an option or the input does not fit
 */
export const maxPool2d = (kernel: Extent = 2, options?: WindowOptions<Extent>): Layer =>
  pooling("maxPool2d", 2, kernel, optionsOf("maxPool2d", options, windowChecks), math.maxPool2d);

/** As `maxPool2d`, over sequences: [rows, C, L] becomes [rows, C, L′]. @throws TabgradError MODEL_INVALID */
export const maxPool1d = (kernel = 2, options?: WindowOptions<number>): Layer =>
  pooling("maxPool1d", 1, kernel, optionsOf("maxPool1d", options, windowChecks), math.maxPool2d);

/** As `maxPool2d`, with the mean of each window. @throws TabgradError MODEL_INVALID */
export const averagePool2d = (kernel: Extent = 2, options?: AveragePoolOptions<Extent>): Layer =>
  averagePooling("averagePool2d", 2, kernel, options);

/** As `maxPool1d`, with the mean of each window. @throws TabgradError MODEL_INVALID */
export const averagePool1d = (kernel = 2, options?: AveragePoolOptions<number>): Layer =>
  averagePooling("averagePool1d", 1, kernel, options);

type Pool = (images: Value, attributes: PoolingAttributes) => Value;

function averagePooling(kind: string, dimensions: 1 | 2, kernel: Extent, options?: AveragePoolOptions<Extent>): Layer {
  const given = optionsOf(kind, options, { ...windowChecks, countPadding: checkFlag });
  const { countPadding = false } = given;
  return pooling(kind, dimensions, kernel, given, (images, attributes) =>
    math.averagePool2d(images, { ...attributes, countPadding }),
  );
}

function pooling(kind: string, dimensions: 1 | 2, kernel: Extent, options: WindowOptions<Extent>, pool: Pool): Layer {
  const { stride = kernel, padding = "valid" } = options;
  const window = windowOf(kind, dimensions, { kernel, stride, padding });
  return {
    role: "layer",
    kind,
    detail: windowText(window),
    build(x, context) {
      const images = asImages(x, window, context);
      const margins = paddingFor(window, images, context);
      if (margins.some((margin, side) => margin >= window.kernel[side % 2])) {
        const message = `padding of ${Math.max(...margins)} leaves windows of ${windowText(window)} with nothing in them`;
        throw context.error(message, "Use less padding than the window has cells.");
      }
      const { kernel: size, strides } = window;
      return asSamples(pool(images, { kernel: size, strides, padding: margins }), window);
    },
  };
}

/**
 * The mean of each channel over all its positions: [rows, C, …] becomes [rows, C].
 * Lin, Chen & Yan 2014, §3.2, https://arxiv.org/abs/1312.4400
 * @throws TabgradError MODEL_INVALID where a sample has no positions
 */
export const globalAveragePool = (...nothing: []): Layer => overPositions("globalAveragePool", nothing, math.mean);

/** The largest value of each channel: [rows, C, …] becomes [rows, C]. @throws TabgradError MODEL_INVALID where a sample has no positions */
export const globalMaxPool = (...nothing: []): Layer => overPositions("globalMaxPool", nothing, math.max);

function overPositions(kind: string, given: readonly [], reduce: (x: Value, axes: readonly number[]) => Value): Layer {
  checkNothing(kind, given);
  return {
    role: "layer",
    kind,
    detail: "",
    build(x, context) {
      const axes = x.shape.flatMap((_, axis) => (axis > 1 ? [axis] : []));
      if (axes.length > 0) return reduce(x, axes);
      const message = `a sample has shape ${formatShape(x.shape.slice(1))}; expected channels and positions, such as [channels, height, width]`;
      throw context.error(message, "Remove it, or the flatten() before it.");
    },
  };
}
