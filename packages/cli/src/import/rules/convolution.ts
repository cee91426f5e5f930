// Convolutions and pools over images [rows, channels, height, width] and sequences [rows, channels, length].
import { math, type Value } from "@tabgrad/core";
import { Unsupported, type NodeReader } from "../node-reader.ts";
import { weightOf, type Computed } from "../step.ts";
import type { Translator } from "../translation.ts";
import { reshaped } from "./movement.ts";
import type { Rule } from "./rule.ts";

interface Window {
  readonly dimensions: 1 | 2;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Before and after, in each dimension. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

function windowOf(node: NodeReader, { value: { shape } }: Computed, kernel: readonly number[]): Window {
  const dimensions = shape.length - 2;
  if (dimensions !== 1 && dimensions !== 2)
    throw new Unsupported(`it works on ${dimensions} dimensions; there are layers for one and two`);
  const ones = kernel.map(() => 1);
  const strides = node.list("strides", ones);
  const dilations = node.list("dilations", ones);
  const sizes = kernel.map((size, i) => (size - 1) * dilations[i] + 1);
  const pads = node.list(
    "pads",
    [...ones, ...ones].map(() => 0),
  );
  const total = sizes.map((size, i) => Math.max(0, (Math.ceil(shape[i + 2] / strides[i]) - 1) * strides[i] + size - shape[i + 2]));
  const smaller = total.map((padding) => Math.floor(padding / 2));
  const larger = total.map((padding) => Math.ceil(padding / 2));
  const automatic = node.text("auto_pad", "NOTSET");
  if (automatic === "VALID") return { dimensions, kernel, strides, dilations, before: ones.map(() => 0), after: ones.map(() => 0) };
  if (automatic === "SAME_UPPER") return { dimensions, kernel, strides, dilations, before: smaller, after: larger };
  if (automatic === "SAME_LOWER") return { dimensions, kernel, strides, dilations, before: larger, after: smaller };
  return { dimensions, kernel, strides, dilations, before: pads.slice(0, dimensions), after: pads.slice(dimensions) };
}

/** One number where all are equal. */
const extent = (sizes: readonly number[]): string =>
  sizes.every((size) => size === sizes[0]) ? `${sizes[0]}` : `[${sizes.join(", ")}]`;

const isEven = ({ before, after }: Window): boolean => before.every((padding, i) => padding === after[i]);

function options({ strides, before, dilations }: Window, strideByDefault: readonly number[]): string[] {
  return [
    ...(strides.every((stride, i) => stride === strideByDefault[i]) ? [] : [`stride: ${extent(strides)}`]),
    ...(before.some((padding) => padding > 0) ? [`padding: ${extent(before)}`] : []),
    ...(dilations.some((dilation) => dilation > 1) ? [`dilation: ${extent(dilations)}`] : []),
  ];
}

const call = (name: string, args: readonly (number | string)[], given: readonly string[]): string =>
  `${name}(${[...args, ...(given.length > 0 ? [`{ ${given.join(", ")} }`] : [])].join(", ")})`;

/** Zeros around it that the layer itself has no option for: more on one side than on the other. */
function padded(x: Computed, window: Window, translator: Translator): { x: Computed; window: Window } {
  if (isEven(window)) return { x, window };
  const { before, after } = window;
  const apply = (value: Value): Value => before.reduce((sum, count, i) => math.pad(sum, i + 2, count, after[i]), value);
  const source = (value: string): string =>
    before.reduce((sum, count, i) => `math.pad(${sum}, ${i + 2}, ${count}, ${after[i]})`, value);
  const result = translator.emit([x], { value: ([value]) => apply(value), expression: ([value]) => source(value) });
  return { x: result, window: { ...window, before: before.map(() => 0), after: after.map(() => 0) } };
}

/** What becomes of the shape, by an operation over images. */
function overImages({ dimensions }: Window, x: Value, apply: (images: Value) => Value): Value {
  if (dimensions === 2) return apply(x);
  const [, channels, length] = x.shape;
  const y = apply(math.reshape(x, [-1, channels, 1, length]));
  return math.reshape(y, [-1, y.shape[1], y.shape[3]]);
}

/** Of a window over sequences: as one over images of height 1. */
const pair = (sizes: readonly number[], fill: number): [number, number] =>
  sizes.length === 1 ? [fill, sizes[0]] : [sizes[0], sizes[1]];
const sides = ({ before, after }: Window): [number, number, number, number] => [...pair(before, 0), ...pair(after, 0)];

const conv: Rule = (node, translator) => {
  const filters = node.constant(1);
  const [count, channels, ...kernel] = filters.shape;
  const groups = node.number("group", 1);
  const { x, window } = padded(node.computed(0), windowOf(node, node.computed(0), kernel), translator);
  const bias = node.has(2) ? weightOf(node.constant(2)) : undefined;
  const kind = window.dimensions === 1 ? "conv1d" : "conv2d";
  const given = [
    ...options(
      window,
      kernel.map(() => 1),
    ),
    ...(groups === 1 ? [] : [`groups: ${groups}`]),
    ...(bias ? [] : ["bias: false"]),
  ];
  return translator.emit([x], {
    value: ([value]) =>
      overImages(window, value, (images) =>
        math.conv2d(images, translator.parameter([count, channels, ...pair(kernel, 1)]), {
          strides: pair(window.strides, 1),
          dilations: pair(window.dilations, 1),
          padding: sides(window),
          groups,
        }),
      ),
    layer: {
      source: call(kind, [count, extent(kernel)], given),
      weights: { weight: weightOf(filters), ...(bias && { bias }) },
      hint: filters.name,
    },
  });
};

const pool =
  (name: "maxPool" | "averagePool"): Rule =>
  (node, translator) => {
    const x = node.computed(0);
    const kernel = node.list("kernel_shape", []);
    const window = windowOf(node, x, kernel);
    if (!isEven(window)) throw new Unsupported("it pads one side more than the other");
    if (window.dilations.some((dilation) => dilation > 1)) throw new Unsupported("its window has gaps");
    if (node.number("ceil_mode", 0) === 1 && !fitsExactly(window, x))
      throw new Unsupported("its last window reaches over the edge (ceil_mode)");
    const isPadded = window.before.some((padding) => padding > 0);
    const countPadding = name === "averagePool" && isPadded && node.number("count_include_pad", 0) === 1;
    const attributes = { kernel: pair(kernel, 1), strides: pair(window.strides, 1), padding: sides(window) };
    const given = [...options(window, kernel), ...(countPadding ? ["countPadding: true"] : [])];
    return translator.emit([x], {
      value: ([value]) => overImages(window, value, (images) => math[`${name}2d`](images, attributes)),
      layer: { source: call(`${name}${window.dimensions}d`, [extent(kernel)], given), weights: {} },
    });
  };

const fitsExactly = ({ kernel, strides, before, after }: Window, { value: { shape } }: Computed): boolean =>
  kernel.every((size, i) => (shape[i + 2] + before[i] + after[i] - size) % strides[i] === 0);

/** ONNX keeps the dimensions, which most models drop at once. */
const globalPool =
  (name: "globalAveragePool" | "globalMaxPool"): Rule =>
  (node, translator) => {
    const x = node.computed(0);
    const axes = x.value.shape.map((_, axis) => axis).slice(2);
    const pooled = translator.emit([x], {
      value: ([value]) => (name === "globalMaxPool" ? math.max(value, axes) : math.mean(value, axes)),
      layer: { source: `${name}()`, weights: {} },
    });
    return reshaped(pooled, [x.value.shape[1], ...axes.map(() => 1)], translator);
  };

export const convolutions: Readonly<Record<string, Rule>> = {
  Conv: conv,
  MaxPool: pool("maxPool"),
  AveragePool: pool("averagePool"),
  GlobalAveragePool: globalPool("globalAveragePool"),
  GlobalMaxPool: globalPool("globalMaxPool"),
};
