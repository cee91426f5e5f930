// The surface that is drawn on: ink of full strength on nothing, as a canvas; its alpha is what the model is shown.
import type { ImageShape, ValueRange } from "./image.ts";
import type { Drawing } from "./pad-image.ts";

/** About so many canvas pixels, whatever the image has: enough for round lines. */
const surface = 280;
/** MNIST's strokes are a bit over two of 28 pixels wide, and people use two thirds of a pad. */
const stroke = 0.075;

export class Ink {
  readonly width: number;
  readonly height: number;
  readonly #context: CanvasRenderingContext2D;
  readonly #color: string;

  constructor(canvas: HTMLCanvasElement, { image, light }: { image: ImageShape; light: boolean }) {
    ({ width: this.width, height: this.height } = surfaceOf(image));
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("this browser has no 2d canvas");
    this.#context = context;
    this.#color = light ? "#000" : "#fff";
  }

  clear(): void {
    this.#context.clearRect(0, 0, this.width, this.height);
  }

  /** A stroke's next piece; from a point to itself it is a dot. In canvas pixels. */
  line(fromX: number, fromY: number, toX: number, toY: number): void {
    const context = this.#context;
    context.strokeStyle = this.#color;
    context.lineWidth = stroke * Math.max(this.width, this.height);
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
    context.stroke();
  }

  /** A sample instead of a drawing, so that somebody can draw on from there. */
  show(values: ArrayLike<number>, { width, height }: ImageShape, { least, most }: ValueRange): void {
    const light = this.#color === "#000";
    const pixels = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const share = (values[pixel] - least) / (most - least);
      pixels.data.fill(light ? 0 : 255, 4 * pixel, 4 * pixel + 3);
      pixels.data[4 * pixel + 3] = 255 * (light ? 1 - share : share);
    }
    const small = new OffscreenCanvas(width, height);
    small.getContext("2d")!.putImageData(pixels, 0, 0);
    this.clear();
    this.#context.imageSmoothingEnabled = false;
    this.#context.drawImage(small, 0, 0, this.width, this.height);
  }

  read(): Drawing {
    const { data } = this.#context.getImageData(0, 0, this.width, this.height);
    return { width: this.width, height: this.height, ink: Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3]) };
  }
}

/** A whole number of canvas pixels for each of the image's. */
export function surfaceOf({ width, height }: ImageShape): { width: number; height: number } {
  const scale = Math.max(1, Math.round(surface / Math.max(width, height)));
  return { width: scale * width, height: scale * height };
}
