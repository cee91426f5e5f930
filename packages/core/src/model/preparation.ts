// Layers that prepare what a model is fed, in training as in prediction. They learn nothing, and are part of the model so that whoever
// has it can feed it data as it is.
import { centreOf } from "../data/transforms/apply.ts";
import * as math from "../graph/math.ts";
import { formatShape } from "../graph/shape.ts";
import type { Layer } from "./layer.ts";
import { checkSize } from "./role.ts";

/**
 * A whole number from 0 to `depth` − 1 becomes a vector that is 1 at that index and 0 elsewhere: [rows, …] → [rows, …, depth]. Any other
 * number becomes zeros.
 * @throws TabgradError MODEL_INVALID where `depth` is no whole number from 1
 */
export function oneHot(depth: number): Layer {
  checkSize("oneHot", "the depth", depth, "oneHot(10)");
  return { role: "layer", kind: "oneHot", detail: `depth ${depth}`, build: (x) => math.oneHot(x, depth) };
}

/**
 * The middle of an image: [rows, …, height, width] → [rows, …, size, size]. Where it cannot be cut evenly, the greater part goes on the
 * right and below.
 * @param width default: as much as `height`
 * @throws TabgradError MODEL_INVALID where a size is no whole number from 1, or the image is smaller
 */
export function centreCrop(height: number, width = height): Layer {
  checkSize("centreCrop", "the height", height, "centreCrop(24)");
  checkSize("centreCrop", "the width", width, "centreCrop(24, 32)");
  return {
    role: "layer",
    kind: "centreCrop",
    detail: `${height} × ${width}`,
    build(x, { error }) {
      const image = x.shape.slice(-2);
      if (x.shape.length < 3 || image[0] < height || image[1] < width) {
        throw error(
          `it cuts ${height} × ${width} out of an image, but a sample here has shape ${formatShape(x.shape.slice(1))}`,
          "Crop less, or place the layer where a sample is an image.",
        );
      }
      return [height, width].reduce((cropped, size, i) => {
        const start = centreOf(image[i], size);
        return math.slice(cropped, i - 2, start, start + size);
      }, x);
    },
  };
}
