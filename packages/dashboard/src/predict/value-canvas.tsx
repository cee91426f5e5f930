// A sample, or what the model was shown, as a picture: one canvas pixel a pixel, enlarged by css.
import { useEffect, useRef } from "preact/hooks";
import { toPixels, type ImageShape, type ValueRange } from "./image.ts";

export interface ValueCanvasProps {
  readonly values: ArrayLike<number>;
  readonly image: ImageShape;
  readonly range: ValueRange;
  /** For those who don't see it; without it, the picture is decoration. */
  readonly label?: string;
}

export function ValueCanvas({ values, image, range, label }: ValueCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = image;
  useEffect(() => {
    canvas.current?.getContext("2d")?.putImageData(new ImageData(toPixels(values, image, range), width, height), 0, 0);
  }, [values, image, range, width, height]);
  const role = label === undefined ? { "aria-hidden": true } : { role: "img" as const, "aria-label": label };
  return <canvas ref={canvas} class="value-canvas" width={width} height={height} {...role} />;
}
