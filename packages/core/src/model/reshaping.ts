// Layers that arrange a sample's values differently. The rows, which are the samples, stay as they are.
import * as math from "../graph/math.ts";
import { TabgradError } from "../errors.ts";
import { elementCount, formatShape, type Shape } from "../graph/shape.ts";
import type { Layer } from "./layer.ts";
import { checkNothing } from "./options.ts";
import { show } from "./role.ts";

/** Joins all dimensions but the first: [rows, 28, 28] becomes [rows, 784], and [rows] becomes [rows, 1]. */
export function flatten(...nothing: []): Layer {
  checkNothing("flatten", nothing);
  return {
    role: "layer",
    kind: "flatten",
    detail: "",
    build: (x) => (x.shape.length === 2 ? x : math.reshape(x, [-1, elementCount(x.shape.slice(1))])),
  };
}

/**
 * Gives each sample another shape with as many values, in the same row-major order. The number of rows is not part of the shape; one
 * dimension may be -1: whatever is left. `reshape([7, -1])` turns [rows, 784] into [rows, 7, 112].
 * @throws TabgradError MODEL_INVALID where the number of values differs
 */
export function reshape(shape: Shape): Layer {
  const given: unknown = shape;
  const wellFormed =
    Array.isArray(given) &&
    given.every((size) => Number.isSafeInteger(size) && (size >= 1 || size === -1)) &&
    given.filter((size) => size === -1).length <= 1;
  if (!wellFormed) {
    const message = `reshape: the shape is ${show(given)}; expected whole numbers from 1, one of which may be -1`;
    throw new TabgradError("MODEL_INVALID", message, "Write, for example, reshape([7, 7, 16]).");
  }
  return {
    role: "layer",
    kind: "reshape",
    detail: formatShape(shape),
    build(x, context) {
      const sample = x.shape.slice(1);
      const left = elementCount(sample) / elementCount(shape.filter((size) => size !== -1));
      const target = shape.map((size) => (size === -1 ? left : size));
      // Checked here because the -1 that stands for the rows would take up any multiple.
      if (!Number.isInteger(left) || elementCount(target) !== elementCount(sample)) {
        throw context.error(
          `a sample of shape ${formatShape(sample)} has ${elementCount(sample)} values and cannot become ${formatShape(shape)}`,
          "Choose a shape with as many values, or -1 for one of its dimensions.",
        );
      }
      return math.reshape(x, [-1, ...target]);
    },
  };
}

/**
 * Gives a sample's dimensions another order: dimension i of the output is dimension `order[i]` of the input, counted from 0 without the
 * rows. `permute([2, 0, 1])` turns images [rows, height, width, channels] into [rows, channels, height, width].
 * @throws TabgradError MODEL_INVALID where `order` is not each dimension of a sample once
 */
export function permute(order: readonly number[]): Layer {
  const given: unknown = order;
  if (!Array.isArray(given) || !given.every((_, i) => given.includes(i))) {
    const message = `permute: the order is ${show(given)}; expected each dimension of a sample once, counted from 0`;
    throw new TabgradError("MODEL_INVALID", message, "Write, for example, permute([1, 0]).");
  }
  return {
    role: "layer",
    kind: "permute",
    detail: formatShape(order),
    build(x, context) {
      const sample = x.shape.slice(1);
      if (sample.length !== order.length) {
        const message = `a sample has shape ${formatShape(sample)}, of ${sample.length} dimensions; the order names ${order.length}`;
        throw context.error(message, "Name each dimension of a sample once.");
      }
      return math.transpose(x, [0, ...order.map((axis) => axis + 1)]);
    },
  };
}
