// Files in the binary format of CIFAR-10, with images that a network can tell apart and that are the same each time.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const size = 32;

/** Whether a cell of an image is red, green, blue, in the five colours that classes have. */
const colours = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
  [1, 1, 0],
  [0, 1, 1],
];

/**
 * Writes `data_batch_1.bin` and `test_batch.bin` into a folder. Of the ten classes, five have stripes that lie, and five stripes that
 * stand, in five colours; where the stripes begin is random, and so is a part of each pixel.
 */
export function writeCifarFiles(folder: string, { train, test }: { readonly train: number; readonly test: number }): void {
  const random = generator(1);
  writeFileSync(join(folder, "data_batch_1.bin"), records(train, random));
  writeFileSync(join(folder, "test_batch.bin"), records(test, random));
}

function records(count: number, random: () => number): Uint8Array {
  const record = 1 + 3 * size * size;
  const bytes = new Uint8Array(count * record);
  for (let i = 0; i < count; i++) {
    const label = i % 10;
    bytes[i * record] = label;
    bytes.set(image(label, random), i * record + 1);
  }
  return bytes;
}

function image(label: number, random: () => number): Uint8Array {
  const pixels = new Uint8Array(3 * size * size);
  const begin = Math.floor(8 * random());
  for (let i = 0; i < pixels.length; i++) {
    const [channel, y, x] = [Math.floor(i / (size * size)), Math.floor(i / size) % size, i % size];
    const bright = ((label < 5 ? y : x) + begin) % 8 < 4;
    pixels[i] = 50 * random() + (bright ? 200 * colours[label % 5][channel] : 0);
  }
  return pixels;
}

/** Evenly distributed over [0, 1): the linear congruential generator of Numerical Recipes (Press et al. 2007, §7.1.4). */
function generator(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}
