// From a drawing to an image as the dataset has them. A model knows only what it has seen, and MNIST's digits were made alike before
// anybody saw them: scaled, keeping their proportions, to fit a box of 20 × 20 pixels, smoothed, and then shifted so that the centre
// of mass of their ink is in the middle of 28 × 28 pixels (LeCun, Cortes & Burges, "The MNIST database", http://yann.lecun.com/exdb/mnist/).
// A drawing gets the same, where the samples show that they did.
import type { ImageShape, ValueRange } from "./image.ts";

/** How much ink is where: 0 to 255, row-major. */
export interface Drawing {
  readonly ink: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** How the samples were made, as far as they tell. */
export interface Convention {
  /** The value of an empty pixel and of a full one. */
  readonly paper: number;
  readonly ink: number;
  /** Where every sample's centre of mass is, about, in pixels from the left and upper edge; absent where it is anywhere. */
  readonly centre?: Point;
  /** Whether values are whole numbers. */
  readonly whole: boolean;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The part of an image that MNIST's digits are scaled to: 20 of 28 pixels. */
const box = 20 / 28;
/** Fainter than this is not taken for ink when the box around a drawing is looked for. */
const visible = 24;
const [samplesToLookAt, centredShare, centredWithin] = [200, 0.8, 1.2 / 28];

/** Looks at samples of one channel, one after another in `values`. */
export function conventionOf(
  values: ArrayLike<number>,
  { height, width }: ImageShape,
  { least, most }: ValueRange,
  whole: boolean,
): Convention {
  const pixels = height * width;
  const count = Math.min(samplesToLookAt, Math.floor(values.length / pixels));
  const dark = borderMean(values, { height, width, count }) <= (least + most) / 2;
  const [paper, ink] = dark ? [least, most] : [most, least];
  const masses = Array.from({ length: count }, (_, sample) =>
    massOf({ height, width }, (pixel) => (values[sample * pixels + pixel] - paper) / (ink - paper)),
  );
  return { paper, ink, whole, centre: centreOf(masses, { height, width }) };
}

/**
 * The mean of the samples' centres of mass, if nearly all are close to it. MNIST's is at (14.5, 14.5), the middle of pixel 14 counted
 * from 0, and each digit's within half a pixel of that. Where there are no samples, a drawing is treated like MNIST's digits.
 */
function centreOf(masses: readonly Point[], { height, width }: { height: number; width: number }): Point | undefined {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  if (masses.length === 0) return { x: (width + 1) / 2, y: (height + 1) / 2 };
  const centre = { x: mean(masses.map(({ x }) => x)), y: mean(masses.map(({ y }) => y)) };
  const off = masses.map(({ x, y }) => Math.max(Math.abs(x - centre.x) / width, Math.abs(y - centre.y) / height));
  return off.filter((distance) => distance <= centredWithin).length >= centredShare * masses.length ? centre : undefined;
}

/** The image that the model is asked about: values as they are stored, [height, width]. */
export function imageOfDrawing(drawing: Drawing, shape: ImageShape, { paper, ink, centre, whole }: Convention): Float32Array {
  const place = centre ? placeCentred(drawing, shape, centre) : placeWhole(drawing, shape);
  const covered = cover(drawing, shape, place);
  return covered.map((share) => {
    const value = paper + share * (ink - paper);
    return whole ? Math.round(value) : value;
  });
}

/** Pixel (x, y) of the image is the drawing's square from (left + x · step, top + y · step), `step` wide and high. */
interface Place {
  readonly left: number;
  readonly top: number;
  readonly stepX: number;
  readonly stepY: number;
}

const placeWhole = (drawing: Drawing, shape: ImageShape): Place => ({
  left: 0,
  top: 0,
  stepX: drawing.width / shape.width,
  stepY: drawing.height / shape.height,
});

function placeCentred(drawing: Drawing, shape: ImageShape, centre: Point): Place {
  const bounds = boundsOf(drawing);
  if (!bounds) return placeWhole(drawing, shape);
  const step = Math.max(bounds.width / (box * shape.width), bounds.height / (box * shape.height));
  const mass = massOf(drawing, (pixel) => drawing.ink[pixel]);
  return { left: mass.x - step * centre.x, top: mass.y - step * centre.y, stepX: step, stepY: step };
}

function boundsOf({ ink, width, height }: Drawing): { width: number; height: number } | undefined {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x] < visible) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < left ? undefined : { width: right - left + 1, height: bottom - top + 1 };
}

/** The centre of mass, in pixels from the left and upper edge, the middle of the first pixel being at 0.5. */
function massOf({ height, width }: { height: number; width: number }, weight: (pixel: number) => number): Point {
  let [x, y, total] = [0, 0, 0];
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      const own = weight(pixel);
      total += own;
      x += own * (column + 0.5);
      y += own * (row + 0.5);
    }
  }
  return total > 0 ? { x: x / total, y: y / total } : { x: width / 2, y: height / 2 };
}

/** The share of ink in each pixel's square of the drawing, exactly, from sums over all rectangles that begin at the corner. */
function cover({ ink, width, height }: Drawing, shape: ImageShape, { left, top, stepX, stepY }: Place): Float32Array {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let line = 0;
    for (let x = 0; x < width; x++) {
      line += ink[y * width + x] / 255;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + line;
    }
  }
  const sumTo = (x: number, y: number): number => interpolate(sums, width, height, x, y);
  const image = new Float32Array(shape.height * shape.width);
  for (let row = 0; row < shape.height; row++) {
    for (let column = 0; column < shape.width; column++) {
      const [x0, y0] = [left + column * stepX, top + row * stepY];
      const [x1, y1] = [x0 + stepX, y0 + stepY];
      const inside = sumTo(x1, y1) - sumTo(x0, y1) - sumTo(x1, y0) + sumTo(x0, y0);
      image[row * shape.width + column] = Math.min(1, Math.max(0, inside / (stepX * stepY)));
    }
  }
  return image;
}

/** Between the whole positions the sum grows evenly; outside of the drawing there is no ink. */
function interpolate(sums: Float64Array, width: number, height: number, x: number, y: number): number {
  const [cx, cy] = [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))];
  const [x0, y0] = [Math.min(width - 1, Math.floor(cx)), Math.min(height - 1, Math.floor(cy))];
  const [fx, fy] = [cx - x0, cy - y0];
  const at = y0 * (width + 1) + x0;
  const upper = sums[at] * (1 - fx) + sums[at + 1] * fx;
  const lower = sums[at + width + 1] * (1 - fx) + sums[at + width + 2] * fx;
  return upper * (1 - fy) + lower * fy;
}

function borderMean(values: ArrayLike<number>, { height, width, count }: { height: number; width: number; count: number }): number {
  let [sum, pixels] = [0, 0];
  for (let sample = 0; sample < count; sample++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x += y === 0 || y === height - 1 ? 1 : width - 1, pixels++) {
        sum += values[(sample * height + y) * width + x];
      }
    }
  }
  return pixels === 0 ? 0 : sum / pixels;
}
