// Folders of images: real PNG and JPEG files, made here, and what is said of folders and files that are not what they should be.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { imageFolder, type ImageFolderOptions } from "@tabgrad/core";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import type { Samples } from "../src/samples.ts";
import { readAll, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();

/** A PNG or JPEG file of one colour, or of the pixels given, row by row. */
async function image(
  name: string,
  width: number,
  height: number,
  colour: readonly number[],
  pixels?: readonly number[],
): Promise<void> {
  const channels = colour.length as 1 | 3 | 4;
  const raw = Uint8Array.from(pixels ?? Array.from({ length: width * height }, () => colour).flat());
  const made = sharp(raw, { raw: { width, height, channels } });
  await folder.write(name, await (/png$/i.test(name) ? made.png() : made.jpeg({ quality: 100 })).toBuffer());
}

const read = (options: ImageFolderOptions) => readAll(imageFolder(options), folder.path());
const samples = ({ count, columns: [values] }: Samples): number[][] =>
  Array.from({ length: count }, (_, i) => [...values.subarray((i * values.length) / count, ((i + 1) * values.length) / count)]);

describe("imageFolder", () => {
  it("takes folders for classes, and gives channel after channel", async () => {
    await image("two/dog/a.png", 2, 1, [0, 0, 0], [10, 20, 30, 40, 50, 60]);
    await image("two/cat/deep/er.PNG", 2, 1, [1, 2, 3]);
    await image("two/cat/z.png", 2, 1, [7, 8, 9, 255]);
    await folder.write("two/cat/notes.txt", "not an image");
    const source = await read({ path: "two" });
    expect(source).toMatchObject({
      fields: [
        { name: "features", storage: "uint8", shape: [3, 1, 2] },
        { name: "labels", storage: "uint8", shape: [] },
      ],
      labels: { kind: "classes", count: 2, names: ["cat", "dog"] },
      normalise: { method: "unit" },
      slow: true,
    });
    expect(samples(source.train)).toEqual([
      [1, 1, 2, 2, 3, 3],
      [7, 7, 8, 8, 9, 9],
      [10, 40, 20, 50, 30, 60],
    ]);
    expect([...source.train.columns[1]]).toEqual([0, 0, 1]);
  });

  it("makes grey of colours and colours of grey, black of what is transparent, and reads JPEG", async () => {
    await image("mix/a/1.jpg", 8, 8, [100, 100, 100]);
    await image("mix/b/2.png", 8, 8, [200]);
    await image("mix/b/3.png", 8, 8, [200, 200, 200, 0]);
    const colour = samples((await read({ path: "mix" })).train).map((each) => [each[0], each[64], each[128]]);
    expect(colour).toEqual([
      [100, 100, 100],
      [200, 200, 200],
      [0, 0, 0],
    ]);
    const grey = await read({ path: "mix", channels: 1 });
    expect(grey.fields[0].shape).toEqual([1, 8, 8]);
    expect(samples(grey.train).map((each) => each[0])).toEqual([100, 200, 0]);
  });

  it("brings images to one size by cropping, padding or stretching", async () => {
    // Black, white, white, black: a wide image whose middle is white.
    await image("wide/a/1.png", 4, 2, [0], [0, 255, 255, 0, 0, 255, 255, 0]);
    await image("wide/b/1.png", 2, 2, [255]);
    const first = async (fit: "crop" | "pad" | "stretch", size: ImageFolderOptions["size"]) =>
      samples((await read({ path: "wide", size, fit, channels: 1 })).train)[0];
    expect(await first("crop", 2)).toEqual([255, 255, 255, 255]);
    const padded = await first("pad", [4, 4]);
    expect([padded.slice(0, 4), padded.slice(12)]).toEqual([
      [0, 0, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect(padded[5]).toBeGreaterThan(200);
    const stretched = await first("stretch", [2, 2]);
    expect(stretched.every((value) => value > 80 && value < 180)).toBe(true);
  });

  it("reads a folder to evaluate on by the classes of the training folder", async () => {
    await image("test/dog/x.png", 2, 1, [0, 0, 0]);
    const source = await read({ path: "two", test: { path: "test" } });
    expect([...(source.test as Samples).columns[1]]).toEqual([1]);
    expect((await read({ path: "two", classes: ["dog", "cat", "cow"] })).labels).toEqual({
      kind: "classes",
      count: 3,
      names: ["dog", "cat", "cow"],
    });
    await image("stranger/wolf/x.png", 2, 1, [0, 0, 0]);
    const refused = await refusal(() => read({ path: "two", test: { path: "stranger" } }));
    expect(refused.code).toBe("DATA_LABEL_OUT_OF_RANGE");
    expect(refused.message).toContain(join("stranger", 'wolf: the folder is none of the classes; expected one of "cat", "dog"'));
  });

  it("names the image that is unreadable or of another size, and folders without classes or images", async () => {
    const wrong = async (options: ImageFolderOptions) => {
      const { code, message, remedy } = await refusal(() => read(options));
      expect(remedy.length).toBeGreaterThan(10);
      return `${code} ${message.replaceAll(`${folder.path()}/`, "")}`;
    };
    await image("sizes/a/1.png", 3, 2, [0]);
    await image("sizes/b/2.png", 4, 2, [0]);
    expect(await wrong({ path: "sizes" })).toBe(
      "DATA_IMAGE_INVALID sizes/b/2.png: the image has 2 × 4 pixels (height × width); expected 2 × 3 pixels (height × width), as sizes/a/1.png has",
    );
    await folder.write("broken/a/1.png", "this is text");
    await image("broken/b/2.png", 4, 2, [0]);
    expect(await wrong({ path: "broken" })).toContain("DATA_IMAGE_INVALID broken/a/1.png: the image cannot be read");
    const whole = await sharp(Buffer.alloc(64 * 64 * 3, 77), { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    await folder.write("cut/a/1.jpg", whole.subarray(0, whole.length / 2));
    await folder.write("cut/b/2.jpg", whole);
    expect(await wrong({ path: "cut" })).toContain("DATA_IMAGE_INVALID cut/a/1.jpg: the image cannot be read");
    await mkdir(join(folder.path(), "none"), { recursive: true });
    expect(await wrong({ path: "none" })).toBe("DATA_IMAGE_INVALID none has no folders; it has nothing");
    await image("flat/1.png", 1, 1, [0]);
    expect(await wrong({ path: "flat" })).toContain('flat has no folders; it has "1.png"');
    await image("one/a/1.png", 1, 1, [0]);
    expect(await wrong({ path: "one" })).toContain('one has one folder, "a": nothing to tell apart');
    await folder.write("bare/a/readme.md", "x");
    await image("bare/b/1.png", 1, 1, [0]);
    expect(await wrong({ path: "bare" })).toContain("bare/a has no PNG or JPEG files");
    expect(await wrong({ path: "absent" })).toContain("DATA_NOT_FOUND");
    expect(await wrong({ path: "flat/1.png" })).toContain("is a file; expected a folder");
  });
});
