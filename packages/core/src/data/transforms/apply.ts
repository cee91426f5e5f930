// Carries the random transforms of a run out on samples, as numbers that nobody but the sample's key decides. docs/randomness.md says
// which number decides what: workers in other languages must come to the same pixels.
import { TabgradError } from "../../errors.ts";
import { formatShape, type Shape } from "../../graph/shape.ts";
import type { KeyedRandom } from "../../random/keyed.ts";
import type { Fill, TransformSpec } from "./spec.ts";

/** An image in the place of a sample's features: [channels, height, width], or [height, width]. */
interface Geometry {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Where a coordinate beyond the image is read instead; undefined where there is a zero. */
function inside(at: number, size: number, fill: Fill): number | undefined {
  if (at >= 0 && at < size) return at;
  if (fill === "zero") return undefined;
  if (fill === "edge") return at < 0 ? 0 : size - 1;
  return at < 0 ? -at : 2 * (size - 1) - at;
}

export class Transforms {
  private readonly specs: readonly TransformSpec[];
  private readonly geometry: Geometry;
  private readonly before: Float32Array;

  /**
   * @param shape one sample's features: [height, width] or [channels, height, width]
   * @throws TabgradError RUN_FILE_INVALID where samples have another shape, or a transform is too large for them
   */
  constructor(specs: readonly TransformSpec[], shape: Shape) {
    this.specs = specs;
    const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
    this.geometry = { channels, height, width };
    checkTransforms(specs, shape);
    this.before = new Float32Array(shape.reduce((product, size) => product * size, 1));
  }

  /** @param random of the sample @param values its features, which are changed in place */
  apply(random: KeyedRandom, values: Float32Array): void {
    this.specs.forEach((spec, index) => this.applyOne(spec, random.child(index), values));
  }

  private applyOne(spec: TransformSpec, random: KeyedRandom, values: Float32Array): void {
    switch (spec.kind) {
      case "randomCrop": {
        const { padding, fill = "zero" } = spec;
        const [x, y] = [0, 1].map((axis) => random.integer(axis, 2 * padding + 1) - padding);
        return this.move(values, x, y, fill);
      }
      case "shift": {
        const { x = 0, y = 0 } = spec;
        return this.move(values, x - random.integer(0, 2 * x + 1), y - random.integer(1, 2 * y + 1), "zero");
      }
      case "horizontalFlip":
        if (random.uniform(0) < (spec.probability ?? 0.5)) this.flip(values);
        return;
      case "cutOut": {
        const { size, value = 0 } = spec;
        const { width, height } = this.geometry;
        return this.cover(values, random.integer(0, width), random.integer(1, height), size, value);
      }
      default:
        return spec satisfies never;
    }
  }

  /** Puts at each pixel what was `x` to the right and `y` below. */
  private move(values: Float32Array, x: number, y: number, fill: Fill): void {
    if (x === 0 && y === 0) return;
    const { channels, height, width } = this.geometry;
    const { before } = this;
    before.set(values);
    let target = 0;
    for (let channel = 0; channel < channels; channel++) {
      for (let row = 0; row < height; row++) {
        const from = inside(row + y, height, fill);
        for (let column = 0; column < width; column++, target++) {
          const at = inside(column + x, width, fill);
          values[target] = from === undefined || at === undefined ? 0 : before[(channel * height + from) * width + at];
        }
      }
    }
  }

  private flip(values: Float32Array): void {
    const { width } = this.geometry;
    for (let row = 0; row < values.length; row += width) values.subarray(row, row + width).reverse();
  }

  private cover(values: Float32Array, x: number, y: number, size: number, value: number): void {
    const { channels, height, width } = this.geometry;
    const half = Math.floor(size / 2);
    const [left, right] = [Math.max(0, x - half), Math.min(width, x - half + size)];
    for (let channel = 0; channel < channels; channel++) {
      for (let row = Math.max(0, y - half); row < Math.min(height, y - half + size); row++) {
        const start = (channel * height + row) * width;
        values.fill(value, start + left, start + right);
      }
    }
  }
}

/** @throws TabgradError RUN_FILE_INVALID naming the transform that does not fit samples of this shape */
export function checkTransforms(specs: readonly TransformSpec[], shape: Shape): void {
  const [height, width] = shape.slice(-2);
  specs.forEach((spec, index) => {
    const invalid = (what: string, remedy: string): TabgradError =>
      new TabgradError("RUN_FILE_INVALID", `transforms[${index}]: ${spec.kind} ${what}`, remedy);
    if (shape.length !== 2 && shape.length !== 3) {
      throw invalid(
        `is for images, [height, width] or [channels, height, width]; a sample here has shape ${formatShape(shape)}`,
        "Leave the transform out, or read the data as images.",
      );
    }
    const most = Math.min(height, width) - 1;
    if (spec.kind === "randomCrop" && spec.fill === "reflect" && spec.padding > most) {
      throw invalid(
        `cannot mirror ${spec.padding} pixels of an image of ${height} × ${width}`,
        `Give a padding of at most ${most}.`,
      );
    }
  });
}
