// Carries the random transforms of a run out on samples, as numbers that nobody but the sample's key decides. docs/randomness.md says
// which number decides what: workers in other languages must come to the same pixels.
import { TabgradError } from "../../errors.ts";
import { formatShape, type Shape } from "../../graph/shape.ts";
import type { KeyedRandom } from "../../random/keyed.ts";
import type { Fill, RandomCropOptions, TransformSpec } from "./spec.ts";

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

/** Where the middle of a line of pixels begins, so many of them; the odd one too many is on the right, or below. */
export const centreOf = (whole: number, piece: number): number => Math.floor((whole - piece) / 2);

export class Transforms {
  private readonly specs: readonly TransformSpec[];
  /** What each transform finds; the last one is what all of them leave. */
  private readonly geometries: readonly Geometry[];
  private readonly before: Float32Array;

  /**
   * @param shape one sample's features: [height, width] or [channels, height, width]
   * @throws TabgradError RUN_FILE_INVALID where samples have another shape, or a transform does not fit them
   */
  constructor(specs: readonly TransformSpec[], shape: Shape) {
    this.specs = specs;
    this.geometries = geometriesOf(specs, shape);
    this.before = new Float32Array(Math.max(...this.geometries.map(elementsOf)));
  }

  /**
   * @param random of the sample
   * @param values its features, which are changed in place. Where they come out smaller, they lie in the middle of what is there, as
   *   `centreCrop` takes it out again.
   */
  apply(random: KeyedRandom, values: Float32Array): void {
    // Until then they lie at the beginning.
    this.specs.forEach((spec, index) => this.applyOne(spec, random.child(index), values, index));
    this.putInTheMiddle(values);
  }

  private applyOne(spec: TransformSpec, random: KeyedRandom, values: Float32Array, index: number): void {
    const geometry = this.geometries[index];
    switch (spec.kind) {
      case "randomCrop": {
        const { padding = 0, fill = "zero" } = spec;
        const piece = this.geometries[index + 1];
        const x = random.integer(0, geometry.width + 2 * padding - piece.width + 1) - padding;
        const y = random.integer(1, geometry.height + 2 * padding - piece.height + 1) - padding;
        return this.cut(values, geometry, piece, x, y, fill);
      }
      case "shift": {
        const { x = 0, y = 0 } = spec;
        const [dx, dy] = [x - random.integer(0, 2 * x + 1), y - random.integer(1, 2 * y + 1)];
        return this.cut(values, geometry, geometry, dx, dy, "zero");
      }
      case "horizontalFlip":
        if (random.uniform(0) < (spec.probability ?? 0.5)) flip(values, geometry);
        return;
      case "cutOut": {
        const { size, value = 0 } = spec;
        return cover(values, geometry, random.integer(0, geometry.width), random.integer(1, geometry.height), size, value);
      }
      default:
        return spec satisfies never;
    }
  }

  /** Puts at each pixel of the piece what was `x` to the right and `y` below in the image. */
  private cut(values: Float32Array, image: Geometry, piece: Geometry, x: number, y: number, fill: Fill): void {
    if (x === 0 && y === 0 && piece === image) return;
    const before = this.keep(values, image);
    let target = 0;
    for (let channel = 0; channel < piece.channels; channel++) {
      for (let row = 0; row < piece.height; row++) {
        const from = inside(row + y, image.height, fill);
        for (let column = 0; column < piece.width; column++, target++) {
          const at = inside(column + x, image.width, fill);
          values[target] = from === undefined || at === undefined ? 0 : before[(channel * image.height + from) * image.width + at];
        }
      }
    }
  }

  private putInTheMiddle(values: Float32Array): void {
    const [whole] = this.geometries;
    const piece = this.geometries[this.geometries.length - 1];
    if (piece.height === whole.height && piece.width === whole.width) return;
    const before = this.keep(values, piece);
    values.fill(0);
    const [top, left] = [centreOf(whole.height, piece.height), centreOf(whole.width, piece.width)];
    for (let row = 0; row < piece.channels * piece.height; row++) {
      const [channel, y] = [Math.floor(row / piece.height), row % piece.height];
      const target = (channel * whole.height + top + y) * whole.width + left;
      values.set(before.subarray(row * piece.width, (row + 1) * piece.width), target);
    }
  }

  private keep(values: Float32Array, geometry: Geometry): Float32Array {
    this.before.set(values.subarray(0, elementsOf(geometry)));
    return this.before;
  }
}

function flip(values: Float32Array, geometry: Geometry): void {
  const { width } = geometry;
  for (let row = 0; row < elementsOf(geometry); row += width) values.subarray(row, row + width).reverse();
}

function cover(
  values: Float32Array,
  { channels, height, width }: Geometry,
  x: number,
  y: number,
  size: number,
  value: number,
): void {
  const half = Math.floor(size / 2);
  const [left, right] = [Math.max(0, x - half), Math.min(width, x - half + size)];
  for (let channel = 0; channel < channels; channel++) {
    for (let row = Math.max(0, y - half); row < Math.min(height, y - half + size); row++) {
      const start = (channel * height + row) * width;
      values.fill(value, start + left, start + right);
    }
  }
}

/**
 * The shape of a sample's features after the transforms, in training as in evaluation.
 * @throws TabgradError RUN_FILE_INVALID naming the transform that does not fit samples of this shape
 */
export function transformedShape(specs: readonly TransformSpec[], shape: Shape): Shape {
  if (specs.length === 0) return shape;
  const { height, width } = geometriesOf(specs, shape).at(-1)!;
  return [...shape.slice(0, -2), height, width];
}

function geometriesOf(specs: readonly TransformSpec[], shape: Shape): Geometry[] {
  const [channels, height, width] = shape.length === 2 ? [1, ...shape] : shape;
  const geometries = [{ channels, height, width }];
  for (const [index, spec] of specs.entries()) {
    const invalid = (what: string, remedy: string): TabgradError =>
      new TabgradError("RUN_FILE_INVALID", `transforms[${index}]: ${spec.kind} ${what}`, remedy);
    if (shape.length !== 2 && shape.length !== 3) {
      throw invalid(
        `is for images, [height, width] or [channels, height, width]; a sample here has shape ${formatShape(shape)}`,
        "Leave the transform out, or read the data as images.",
      );
    }
    geometries.push(spec.kind === "randomCrop" ? pieceOf(geometries[index], spec, invalid) : geometries[index]);
  }
  return geometries;
}

function pieceOf(
  image: Geometry,
  { size, padding = 0, fill }: RandomCropOptions,
  invalid: (what: string, remedy: string) => TabgradError,
): Geometry {
  const of = `an image of ${image.height} × ${image.width}`;
  const most = Math.min(image.height, image.width) - 1;
  if (fill === "reflect" && padding > most) {
    throw invalid(`cannot mirror ${padding} pixels of ${of}`, `Give a padding of at most ${most}.`);
  }
  if (size === undefined) return image;
  const [height, width] = typeof size === "number" ? [size, size] : size;
  // An evaluation takes the middle of an image as it is.
  if (height > image.height || width > image.width) {
    throw invalid(`cuts ${height} × ${width} out of ${of}`, "Cut less, or read the images larger (imageFolder's size).");
  }
  return { ...image, height, width };
}

const elementsOf = ({ channels, height, width }: Geometry): number => channels * height * width;
