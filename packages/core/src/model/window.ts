// The window of convolution and pooling layers: what a user may say of it, checked once, and what it is for images of some size.
// A layer over sequences has the same window, of height 1, over images of height 1.
import { TabgradError } from "../errors.ts";
import * as math from "../graph/math.ts";
import { formatShape, type Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import type { LayerContext } from "./layer.ts";
import { checkedLater, type OptionChecks } from "./options.ts";
import { show } from "./role.ts";

/** One number for both directions, or height and width. */
export type Extent = number | readonly [number, number];

/** How a window walks. */
export interface WindowOptions<E> {
  /** Cells from one window to the next. */
  readonly stride?: E;
  /**
   * Cells around a sample: so many on each side, "valid" for none, or "same" for as many as it takes to have one window for each step of
   * the stride, ⌈size / stride⌉ in all; of an odd number the larger half comes at the end.
   */
  readonly padding?: E | "same" | "valid";
}

/** What a window's options are is seen once its kernel is known: `windowOf`. */
export const windowChecks: OptionChecks<WindowOptions<Extent>> = { stride: checkedLater, padding: checkedLater };

/** Pairs are height, width. */
export interface Window {
  readonly dimensions: 1 | 2;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: readonly [number, number] | "same";
}

/** @throws TabgradError MODEL_INVALID naming the option that is no size, or no pair of them */
export function windowOf(
  kind: string,
  dimensions: 1 | 2,
  given: { kernel: unknown; stride: unknown; padding: unknown; dilation?: unknown },
): Window {
  const { kernel, stride, padding, dilation = 1 } = given;
  return {
    dimensions,
    kernel: pairOf(kind, "kernel", kernel, dimensions, 1),
    strides: pairOf(kind, "stride", stride, dimensions, 1),
    dilations: pairOf(kind, "dilation", dilation, dimensions, 1),
    padding: padding === "same" ? padding : pairOf(kind, "padding", padding === "valid" ? 0 : padding, dimensions, 0),
  };
}

function pairOf(kind: string, option: string, value: unknown, dimensions: 1 | 2, least: 0 | 1): readonly [number, number] {
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && (size as number) >= least;
  // Height 1 all along: a window of one line that does not move up or down.
  if (isSize(value)) return [dimensions === 1 ? least : value, value];
  if (dimensions === 2 && Array.isArray(value) && value.length === 2 && value.every(isSize)) return [value[0], value[1]];
  const forms = [
    `a whole number from ${least}`,
    ...(dimensions === 2 ? ["two of them, [height, width]"] : []),
    ...(least === 0 ? ['"same"', '"valid"'] : []),
  ];
  const expected = forms.length === 1 ? forms[0] : `${forms.slice(0, -1).join(", ")} or ${forms[forms.length - 1]}`;
  const remedy =
    option === "kernel"
      ? `Write, for example, ${kind.startsWith("conv") ? `${kind}(32, 3)` : `${kind}(2)`}.`
      : `Write, for example, ${option}: 1.`;
  throw new TabgradError("MODEL_INVALID", `${kind}: ${option} is ${show(value)}; expected ${expected}`, remedy);
}

/** "3 × 3", or "3" along one dimension. */
export const windowText = ({ dimensions, kernel }: Window): string =>
  dimensions === 1 ? `${kernel[1]}` : `${kernel[0]} × ${kernel[1]}`;

/**
 * Samples as images [rows, C, H, W]. A sample without channels, [H, W] or [L], has one.
 * @throws TabgradError MODEL_INVALID where a sample has another number of dimensions
 */
export function asImages(x: Value, { dimensions }: Window, context: LayerContext): Value {
  const sample = x.shape.slice(1);
  const channels = sample.length === dimensions ? [1, ...sample] : sample;
  if (channels.length !== dimensions + 1) {
    const [expected, alone] =
      dimensions === 1 ? ["[channels, length]", "[length]"] : ["[channels, height, width]", "[height, width]"];
    throw context.error(
      `a sample has shape ${formatShape(sample)}; expected ${expected}, or ${alone} for one channel`,
      "Put reshape() before it, or remove the flatten() or dense() before it.",
    );
  }
  return shaped(x, dimensions === 1 ? [channels[0], 1, channels[1]] : channels);
}

/** Images as samples again: without the height, if samples are sequences. */
export const asSamples = (y: Value, { dimensions }: Window): Value =>
  dimensions === 1 ? math.reshape(y, [-1, y.shape[1], y.shape[3]]) : y;

const shaped = (x: Value, sample: Shape): Value => (x.shape.length === sample.length + 1 ? x : math.reshape(x, [-1, ...sample]));

/**
 * Top, left, bottom and right of images of this size.
 * @throws TabgradError MODEL_INVALID where the window does not fit in
 */
export function paddingFor(window: Window, images: Value, context: LayerContext): readonly [number, number, number, number] {
  const size = [images.shape[2], images.shape[3]];
  const reach = window.kernel.map((cells, axis) => (cells - 1) * window.dilations[axis] + 1);
  const margins = size.map((cells, axis): [number, number] => {
    if (window.padding !== "same") return [window.padding[axis], window.padding[axis]];
    const windows = Math.ceil(cells / window.strides[axis]);
    const total = Math.max(0, (windows - 1) * window.strides[axis] + reach[axis] - cells);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  const padded = size.map((cells, axis) => cells + margins[axis][0] + margins[axis][1]);
  if (padded.some((cells, axis) => cells < reach[axis])) {
    const text = (sizes: readonly number[]): string => (window.dimensions === 1 ? `${sizes[1]}` : sizes.join(" × "));
    throw context.error(
      `its window reaches over ${text(reach)} cells, and a sample with its padding has ${text(padded)}`,
      'Use a smaller window, padding: "same", or larger samples: fewer or smaller strides and pools before it.',
    );
  }
  return [margins[0][0], margins[1][0], margins[0][1], margins[1][1]];
}
