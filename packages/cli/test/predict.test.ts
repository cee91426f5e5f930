// `tabgrad predict`: real files in, in order, and what the model says of them; and texts that go on.
import { createNodeCpuEngine } from "@tabgrad/cpu/node";
import { openDataset, readInputs } from "@tabgrad/data";
import {
  crossEntropy,
  csv,
  dense,
  evaluate,
  functional,
  inferenceGraph,
  math,
  meanSquaredError,
  npz,
  sequential,
  softmaxOf,
  type TabgradError,
  text,
  type DataShape,
  type RunFile,
} from "@tabgrad/core";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { afterEach, describe, expect, it } from "vitest";
import { answerObject, answerText } from "../src/predict/answer.ts";
import { ask, type Answer } from "../src/predict/ask.ts";
import { generate, type TextModel } from "../src/predict/generate.ts";
import { inputBlocks } from "../src/predict/inputs.ts";
import { openTrainedModel } from "../src/trained-model.ts";
import { checkpointOf, temporaryFolder } from "./checkpoints.ts";

const engines: Awaited<ReturnType<typeof createNodeCpuEngine>>[] = [];
afterEach(async () => void (await Promise.all(engines.splice(0).map((engine) => engine.close()))));

async function opened(chosen: Pick<RunFile, "data" | "model" | "loss">, data: DataShape) {
  const { path } = await checkpointOf(chosen, data);
  const trained = await openTrainedModel(path);
  const engine = await createNodeCpuEngine();
  engines.push(engine);
  const program = await engine.compile(trained.graph);
  await program.setParameters(trained.parameters);
  const answers = async (name: string, content: string | Uint8Array): Promise<Answer[]> => {
    const file = join(temporaryFolder(), name);
    writeFileSync(file, content);
    const options = { features: trained.features, data: trained.description.data };
    const found: Answer[] = [];
    for await (const answer of ask(program, trained.features.shape, readInputs({ path: file, name }, options))) found.push(answer);
    return found;
  };
  const expected = (values: readonly number[], rows: number): number[] =>
    Array.from(evaluate(inferenceGraph(trained.graph, rows), { features: values }, trained.parameters).prediction.data);
  return { trained, program, answers, expected };
}

const fixture = (name: string): string => join(import.meta.dirname, "../../data/test/fixtures", name);

const rows = { data: csv({ path: "a.csv", label: "kind" }), model: sequential(dense(3)), loss: crossEntropy() };
const rowData = {
  features: { shape: [3], scale: [1, 1, 2], shift: 0, names: ["colour=blue", "colour=red", "size"] },
  labels: { kind: "classes", count: 3, names: ["a", "b", "c"] },
} as const;

describe("rows of a table", () => {
  it("are found by the names of the columns, kinds included, and answered in order", async () => {
    const { answers, expected, trained } = await opened(rows, rowData);
    const content = "size,kind,colour\n1.5,a,red\n-2,b,blue\n";
    const found = await answers("rows.csv", content);
    const values = expected([0, 1, 1.5, 1, 0, -2], 2);
    expect(found.flatMap(({ output }) => Array.from(output))).toEqual(values.map((value) => expect.closeTo(value, 5) as number));
    expect(found.map(({ place }) => place)).toEqual(["rows.csv:2", "rows.csv:3"]);
    const scores = softmaxOf(found[0].output);
    const object = answerObject(found[0], trained);
    expect(object).toMatchObject({ input: "rows.csv:2", class: ["a", "b", "c"][object.index as number] });
    expect(object.probabilities).toEqual(Array.from(scores));
    expect(answerText(found[0], trained)).toMatch(/^rows\.csv:2 {2}[abc] \d+\.\d\d % {2}[abc] \d+\.\d\d % {2}[abc] \d+\.\d\d %$/);
  });

  it("come as JSON lines, too, and as many as there are", async () => {
    const { answers, expected } = await opened(rows, rowData);
    const lines = Array.from({ length: 600 }, (_, i) => JSON.stringify({ colour: i % 2 ? "red" : "blue", size: i }));
    const found = await answers("rows.jsonl", lines.join("\n"));
    expect(found).toHaveLength(600);
    expect(Array.from(found[599].output)).toEqual(expected([0, 1, 599], 1).map((value) => expect.closeTo(value, 2) as number));
  });

  it.each(["rows-zstd.parquet", "rows-lz4.arrow", "rows.arrows"])("come from %s, too", async (name) => {
    const names = ["colour=blue", "colour=green", "colour=red", "count"];
    const { answers, expected } = await opened(rows, { ...rowData, features: { shape: [4], scale: 1, shift: 0, names } });
    const found = await answers(name, readFileSync(fixture(name)));
    expect(found).toHaveLength(60);
    expect(found[7].place).toBe(`${name}, row 7`);
    expect(Array.from(found[7].output)).toEqual(expected([0, 1, 0, 21], 1).map((value) => expect.closeTo(value, 3) as number));
  });

  it.each<[string, string, string | Uint8Array, string, string]>([
    ["an empty file", "a.csv", "", "DATA_UNREADABLE", "a.csv: the file is empty; the model takes [3]"],
    [
      "what is no table",
      "a.bin",
      Uint8Array.of(1, 2, 0, 3),
      "DATA_UNREADABLE",
      "a.bin: the file is of no kind that is read here; the",
    ],
    [
      "a web page",
      "a.csv",
      "<html>",
      "DATA_UNREADABLE",
      "a.csv: the file is of no kind that is read here; it looks like a web page",
    ],
    ["UTF-16", "a.csv", Buffer.from("\ufeffa,b", "utf16le"), "DATA_UNREADABLE", "it looks like UTF-16"],
    [
      "a zipped image",
      "a.gz",
      gzipSync(Buffer.from("\x89PNG", "latin1")),
      "DATA_UNREADABLE",
      "a.gz: the file is gzipped, and compressed",
    ],
    [
      "prose",
      "a.md",
      "# Title\n\nWords, and words.\n",
      "DATA_CSV_INVALID",
      "a.md: the file is text, and no table that the model could read",
    ],
    ["a ZIP archive", "a.zip", "PK\u0003\u0004", "DATA_NPY_INVALID", "a.zip cannot be read as an npz file"],
    [
      "half an Arrow file",
      "a.arrow",
      "ARROW1\0\0",
      "DATA_ARROW_INVALID",
      "a.arrow: the file begins as Arrow, and cannot be read to",
    ],
    ["half a Parquet file", "a.parquet", "PAR1", "DATA_PARQUET_INVALID", "a.parquet: the file cannot be read as Parquet"],
    ["rows without a column", "a.jsonl", '{"size":1}', "DATA_JSON_INVALID", 'the column "colour" is missing; there are "size"'],
    ["a missing value", "a.csv", "size,colour\n,red\n", "DATA_CSV_INVALID", 'a.csv:2: column "size" is empty'],
  ])("are refused where it is %s", async (_, name, content, code, message) => {
    const { answers } = await opened(rows, rowData);
    const refused = await answers(name, content).then(
      () => undefined,
      (error: TabgradError) => error,
    );
    expect(refused).toMatchObject({ code, message: expect.stringContaining(message) as string });
    // What a run file could say is of no use any more.
    expect(refused!.remedy).not.toMatch(/"features"|missing: "skip"|categorical/);
    expect(refused!.remedy.length).toBeGreaterThan(15);
  });

  it("that do not fit are refused with what was expected", async () => {
    const { answers } = await opened(rows, rowData);
    await expect(answers("rows.csv", "size\n1\n")).rejects.toMatchObject({
      code: "DATA_CSV_INVALID",
      message: expect.stringContaining('the column "colour" is missing') as string,
    });
    await expect(answers("rows.csv", "size,colour\n1,green\n")).rejects.toMatchObject({
      message: expect.stringMatching(/rows\.csv:2.*green/) as string,
    });
    await expect(answers("rows.csv", "size,colour\nbig,red\n")).rejects.toMatchObject({
      message: expect.stringMatching(/rows\.csv:2.*big/) as string,
    });
  });
});

const images = { data: csv({ path: "a.csv", label: 0 }), model: sequential(dense(2)), loss: meanSquaredError() };
const imageData = {
  features: { shape: [2, 3], scale: 1 / 255, shift: 0 },
  labels: { kind: "values", shape: [2], names: ["x", "y"] },
} as const;

describe("images and arrays", () => {
  it("are brought to the size that the model takes", async () => {
    const { answers, expected, trained } = await opened(images, imageData);
    const png = await sharp(Buffer.alloc(4 * 6 * 3, 51), { raw: { width: 6, height: 4, channels: 3 } })
      .png()
      .toBuffer();
    const [answer] = await answers("picture", png);
    const values = expected([51, 51, 51, 51, 51, 51], 1);
    expect(Array.from(answer.output)).toEqual(values.map((value) => expect.closeTo(value, 5) as number));
    expect(answerObject(answer, trained)).toMatchObject({ input: "picture", names: ["x", "y"] });
    expect(answerText(answer, trained)).toMatch(/^picture {2}x -?[\d.e-]+ {2}y -?[\d.e-]+$/);
  });

  it("may be many in one file, and of the right shape only", async () => {
    const { answers, expected } = await opened(images, imageData);
    const idx = (...sizes: number[]): Uint8Array => {
      const count = sizes.reduce((product, size) => product * size, 1);
      const header = Buffer.alloc(4 + 4 * sizes.length);
      header.set([0, 0, 8, sizes.length]);
      sizes.forEach((size, i) => header.writeUInt32BE(size, 4 + 4 * i));
      return Buffer.concat([header, Uint8Array.from({ length: count }, (_, i) => i)]);
    };
    const found = await answers("images.idx", idx(3, 2, 3));
    expect(found.map(({ place }) => place)).toEqual(["images.idx[0]", "images.idx[1]", "images.idx[2]"]);
    expect(Array.from(found[2].output)).toEqual(
      expected([12, 13, 14, 15, 16, 17], 1).map((value) => expect.closeTo(value, 5) as number),
    );
    expect(await answers("one.idx", idx(2, 3))).toHaveLength(1);
    await expect(answers("images.idx", idx(3, 3, 3))).rejects.toMatchObject({
      code: "DATA_IDX_INVALID",
      message: expect.stringContaining("the model takes [2, 3] for each sample") as string,
    });
  });

  it("may be in an npz file, under the run's own name or alone", async () => {
    const shape = [2, 3];
    const own = npz({ path: "arrays.npz", train: { features: "x_train", labels: "y_train" } });
    const { answers } = await opened({ ...images, data: own }, { ...imageData, features: { shape, scale: 1, shift: 0 } });
    const file = readFileSync(fixture("arrays.npz"));
    expect((await answers("arrays.npz", file)).map(({ place }) => place)[3]).toBe('arrays.npz: array "x_train"[3]');
    const { answers: others } = await opened(images, imageData);
    await expect(others("arrays.npz", file)).rejects.toMatchObject({
      message: expect.stringMatching(/arrays\.npz has the arrays "x_train", .*; expected one array$/) as string,
    });
  });

  it("of another size are said to be brought to the model's", async () => {
    const { trained } = await opened(images, imageData);
    const path = join(temporaryFolder(), "a.png");
    const raw = { width: 6, height: 4, channels: 3 } as const;
    await sharp(Buffer.alloc(72), { raw }).png().toFile(path);
    const notes: string[] = [];
    const options = { features: trained.features, data: trained.description.data, onNote: (note: string) => notes.push(note) };
    for await (const block of readInputs({ path, name: "a.png" }, options)) expect(block.places).toEqual(["a.png"]);
    expect(notes).toEqual([
      "a.png has 4 × 6 pixels (height × width); the model takes 2 × 3: it is scaled, and cropped where the sides differ",
    ]);
  });

  it("are refused by a model of rows", async () => {
    const { answers } = await opened(rows, rowData);
    const png = await sharp(Buffer.alloc(12), { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toBuffer();
    await expect(answers("a.png", png)).rejects.toMatchObject({
      message: 'a.png: it is an image; the model takes [3] ("colour=blue", "colour=red", "size") for each sample',
    });
  });
});

describe("inputs", () => {
  it("are read one after another, stdin among them, and say how far they have come", async () => {
    const { trained } = await opened(rows, rowData);
    const path = join(temporaryFolder(), "a.csv");
    writeFileSync(path, "size,colour\n1,red\n");
    const stdin = new PassThrough();
    stdin.end('{"size":2,"colour":"blue"}\n');
    const told: number[][] = [];
    const places: string[] = [];
    const onProgress = (done: number, total: number): void => void told.push([done, total]);
    for await (const block of inputBlocks(trained, [path, "-"], { stdin, onProgress })) places.push(...block.places);
    expect(places).toEqual([`${path}:2`, "stdin:1"]);
    expect([told.find(([, total]) => total === 18), told.at(-1)]).toEqual([
      [18, 18],
      [27, 27],
    ]);
  });

  it("that are not there are named, with what is", async () => {
    const { trained } = await opened(rows, rowData);
    const folder = temporaryFolder();
    writeFileSync(join(folder, "rows.csv"), "");
    const first = (input: string) => inputBlocks(trained, [input], { stdin: new PassThrough() }).next();
    await expect(first(join(folder, "row.csv"))).rejects.toMatchObject({
      code: "DATA_NOT_FOUND",
      remedy: expect.stringMatching(/Did you mean .*rows\.csv\? The model takes \[3\] for each sample/) as string,
    });
    await expect(first(folder)).rejects.toMatchObject({
      message: expect.stringContaining("is a folder; expected a file") as string,
    });
  });
});

describe("a text", () => {
  /** Says the token after the last one in the vocabulary: logits are 9 for it and 0 for the others. */
  async function successor(): Promise<TextModel> {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "a.txt"), "abcd".repeat(40));
    const data = text({ path: "a.txt", length: 5 });
    const { description } = await openDataset(data, { baseDirectory: folder, seed: 1 });
    const next = functional({ scale: dense(4, { bias: false, flatten: false }) }, (x, { scale }) => {
      const shifted = math.oneHot(math.subtract(math.add(x, 1), math.multiply(math.greater(x, math.constant(x, 2.5)), 4)), 4);
      return math.add(math.multiply(shifted, 9), math.multiply(scale(shifted), 0));
    });
    const { program, trained } = await opened({ data, model: next, loss: crossEntropy() }, description);
    return { program, shape: trained.features.shape, text: trained.text! };
  }

  async function joined(model: TextModel, prompt: string, options: Partial<Parameters<typeof generate>[2]>): Promise<string> {
    let all = "";
    for await (const piece of generate(model, prompt, { length: 9, temperature: 0, seed: 1, ...options })) all += piece;
    return all;
  }

  it("goes on from the prompt, past the room that the model has", async () => {
    const model = await successor();
    expect(await joined(model, "b", {})).toBe("cdabcdabc");
    expect(await joined(model, "abcdabcd", {})).toBe("abcdabcda");
  });

  it("is drawn by chance that the seed decides", async () => {
    const model = await successor();
    const hot = await joined(model, "a", { temperature: 50, seed: 3 });
    expect(await joined(model, "a", { temperature: 50, seed: 3 })).toBe(hot);
    expect(await joined(model, "a", { temperature: 50, seed: 4 })).not.toBe(hot);
    expect(await joined(model, "a", { temperature: 50, topK: 1 })).toBe("bcdabcdab");
  });

  it("needs a prompt in the characters that the model knows", async () => {
    const model = await successor();
    await expect(joined(model, "abx", {})).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining('"x" at character 2') as string,
    });
    await expect(joined(model, "", {})).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

it("values of any shape are said as they are", () => {
  expect(answerObject({ place: "p", output: Float32Array.of(1, 2) }, { reading: "values" })).toEqual({
    input: "p",
    values: [1, 2],
  });
});
