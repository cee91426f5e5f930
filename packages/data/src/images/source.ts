// A folder of images as samples.
import { availableParallelism } from "node:os";
import { defaultHeldOut, type Field, featuresField, type ImageFolderSpec, labelsField, TabgradError } from "@tabgrad/core";
import { resolveDataFolder } from "../files/path.ts";
import { blockSamples, type DataSource, type Samples, type SampleStream } from "../samples.ts";
import { decodeImage, type DecodedImage, type ImageFormat } from "./decode.ts";
import { classFolders, imagesIn, type LabelledImage } from "./folder.ts";

/** Decodes with as many threads as there are, and keeps the order. */
async function decodeAll(images: readonly LabelledImage[], format: ImageFormat): Promise<DecodedImage[]> {
  const decoded = Array<DecodedImage>(images.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < images.length) {
      const i = next;
      next += 1;
      decoded[i] = await decodeImage(images[i].path, format);
    }
  };
  await Promise.all(Array.from({ length: Math.min(images.length, availableParallelism()) }, work));
  return decoded;
}

const shown = ({ height, width }: { height: number; width: number }): string => `${height} × ${width} pixels (height × width)`;

function streamOf(
  images: readonly LabelledImage[],
  format: ImageFormat,
  [features, labels]: readonly Field[],
  first: LabelledImage,
): SampleStream {
  const [channels, height, width] = features.shape;
  const elements = channels * height * width;
  return {
    count: images.length,
    async *blocks(from) {
      const length = blockSamples(elements);
      for (let begin = from; begin < images.length; begin += length) {
        const some = images.slice(begin, begin + length);
        const values = new Uint8Array(some.length * elements);
        (await decodeAll(some, format)).forEach((image, i) => {
          if (image.height !== height || image.width !== width) throw otherSize(some[i], image, first, { height, width });
          values.set(image.values, i * elements);
        });
        const indices = some.map(({ label }) => label);
        const classes = labels.storage === "uint8" ? Uint8Array.from(indices) : Int32Array.from(indices);
        yield { count: some.length, columns: [values, classes] } satisfies Samples;
      }
    },
  };
}

function otherSize(
  image: LabelledImage,
  came: DecodedImage,
  first: LabelledImage,
  expected: { height: number; width: number },
): TabgradError {
  return new TabgradError(
    "DATA_IMAGE_INVALID",
    `${image.path}: the image has ${shown(came)}; expected ${shown(expected)}, as ${first.path} has`,
    `Bring all images to one size: "size: [${expected.height}, ${expected.width}]", for example.`,
  );
}

/**
 * Reads the folder of an `imageFolder(…)`.
 * @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_IMAGE_INVALID, DATA_LABEL_OUT_OF_RANGE, also while samples are read
 */
export async function imageFolderSource(spec: ImageFolderSpec, baseDirectory: string): Promise<DataSource> {
  const { channels = 3, fit = "crop", size, test = defaultHeldOut } = spec;
  const folder = await resolveDataFolder(spec.path, baseDirectory);
  const classes = spec.classes ?? (await classFolders(folder));
  if (classes.length < 2) {
    throw new TabgradError(
      "DATA_IMAGE_INVALID",
      `${folder} has one folder, "${classes[0]}": nothing to tell apart`,
      'Put the images into one folder for each class, or list the classes there may be: "classes: [ … ]".',
    );
  }
  const images = await imagesIn(folder, classes);
  const format: ImageFormat = {
    channels,
    fit,
    ...(size === undefined ? {} : { size: typeof size === "number" ? [size, size] : size }),
  };
  const [first] = images;
  const { height, width } = await decodeImage(first.path, format);
  const fields: Field[] = [
    { name: featuresField, storage: "uint8", shape: [channels, height, width] },
    { name: labelsField, storage: classes.length <= 256 ? "uint8" : "int32", shape: [] },
  ];
  const stream = (some: readonly LabelledImage[]): SampleStream => streamOf(some, format, fields, first);
  const tests = "path" in test ? await imagesIn(await resolveDataFolder(test.path, baseDirectory), classes) : undefined;
  return {
    fields,
    train: stream(images),
    test: tests ? stream(tests) : (test as { fraction: number }),
    labels: { kind: "classes", count: classes.length, names: classes },
    normalise: { method: spec.normalise ?? "unit" },
    slow: true,
  };
}
