// One image file as the bytes of a sample: [channels, height, width].
import { TabgradError } from "@tabgrad/core";

export interface ImageFormat {
  readonly channels: 1 | 3;
  /** Absent where images are taken as they are. */
  readonly size?: readonly [height: number, width: number];
  readonly fit: "crop" | "pad" | "stretch";
}

export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  /** [channels, height, width]. */
  readonly values: Uint8Array;
}

/** Loaded when the first image is: most runs have none. */
const loadSharp = async () => (await import("sharp")).default;

const sharpFit = { crop: "cover", pad: "contain", stretch: "fill" } as const;

function invalid(name: string, cause: unknown): TabgradError {
  // The decoder may say more than once what is wrong.
  const [reason] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  return new TabgradError(
    "DATA_IMAGE_INVALID",
    `${name}: the image cannot be read: ${reason}`,
    "The file is damaged, or no PNG or JPEG: replace it or remove it.",
    { cause },
  );
}

/** How large an image is, turned as it was held. @throws TabgradError DATA_IMAGE_INVALID */
export async function imageSize({ path, name }: { path: string; name: string }): Promise<{ height: number; width: number }> {
  try {
    const sharp = await loadSharp();
    const { autoOrient } = await sharp(path).metadata();
    return autoOrient;
  } catch (error) {
    throw invalid(name, error);
  }
}

/** @param name for messages. @throws TabgradError DATA_IMAGE_INVALID where the file is no image, or a damaged one. */
export async function decodeImage(path: string, { channels, size, fit }: ImageFormat, name = path): Promise<DecodedImage> {
  const sharp = await loadSharp();
  try {
    // Cameras note how they were held; a picture is turned accordingly before anything else.
    let image = sharp(path, { failOn: "error" }).autoOrient().flatten({ background: "#000" });
    if (size) image = image.resize({ height: size[0], width: size[1], fit: sharpFit[fit], background: "#000" });
    const { data, info } = await image
      .toColourspace(channels === 1 ? "b-w" : "srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { height: info.height, width: info.width, values: planes(data, info.channels, channels) };
  } catch (error) {
    throw invalid(name, error);
  }
}

/** Channel after channel, from pixels with their channels side by side. */
function planes(pixels: Uint8Array, present: number, channels: number): Uint8Array {
  const count = pixels.length / present;
  const values = new Uint8Array(channels * count);
  for (let c = 0; c < channels; c += 1) {
    const from = Math.min(c, present - 1);
    for (let i = 0; i < count; i += 1) values[c * count + i] = pixels[i * present + from];
  }
  return values;
}
