// `tabgrad export`: from a checkpoint to files that other software reads.
import { openOnnxFile } from "@tabgrad/cpu/node";
import { csv, crossEntropy, dense, evaluate, inferenceGraph, relu, sequential } from "@tabgrad/core";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { relativeDifference, writeOnnx } from "../src/export/onnx.ts";
import { writeChecked } from "../src/export/write-file.ts";
import { openTrainedModel } from "../src/trained-model.ts";
import { checkpointOf, temporaryFolder } from "./checkpoints.ts";

const run = {
  data: csv({ path: "iris.csv", label: "species" }),
  model: sequential(dense(4), relu(), dense(3)),
  loss: crossEntropy(),
};
const data = {
  features: { shape: [2], scale: [1, 2], shift: [0.5, -3], names: ["length", "width"] },
  labels: { kind: "classes", count: 3, names: ["setosa", "versicolor", "virginica"] },
} as const;

describe("an ONNX file of a checkpoint", () => {
  it.each([false, true])("predicts from raw values (weights beside it: %s)", async (external) => {
    const { path, run: resolved, parameters } = await checkpointOf(run, data);
    const target = join(temporaryFolder(), "model.onnx");
    const report = await writeOnnx(await openTrainedModel(path), target, { external });
    expect(report.difference).toBeLessThan(1e-5);
    expect(report.inputs).toEqual([{ name: "features", shape: ["batch", 2] }]);
    const file = await openOnnxFile(target);
    const values = Float32Array.of(5.1, 3.5, 6.2, 2.9, -1, 40);
    const { prediction } = await file.run({ features: { data: values, shape: [3, 2] } });
    await file.close();
    const expected = evaluate(inferenceGraph(resolved.graph, 3), { features: values }, parameters).prediction;
    expect(relativeDifference(prediction.data, expected.data)).toBeLessThan(1e-5);
  });

  it("names run, classes and features", async () => {
    const { path } = await checkpointOf(run, data);
    const target = join(temporaryFolder(), "model.onnx");
    await writeOnnx(await openTrainedModel(path), target);
    const text = readFileSync(target, "utf8");
    for (const part of ["tabgrad", "small after step 10", '["setosa","versicolor","virginica"]', '["length","width"]'])
      expect(text).toContain(part);
  });

  it("is not there at all where it cannot be written", async () => {
    const { path } = await checkpointOf(run, data);
    const trained = await openTrainedModel(path);
    const nowhere = join(temporaryFolder(), "no", "model.onnx");
    await expect(writeOnnx(trained, nowhere)).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
    expect(existsSync(`${nowhere}.unfinished`)).toBe(false);
  });
});

describe("files that belong together", () => {
  it("get their places when they were found right, and leave what was there alone otherwise", async () => {
    const folder = temporaryFolder();
    const files = ["a.onnx", "a.onnx.data"].map((name) => ({ path: join(folder, name), pieces: [Buffer.from(`new ${name}`)] }));
    writeFileSync(files[0].path, "old");
    const wrong = writeChecked(files, async (draft) => {
      expect(readFileSync(draft, "utf8") + readFileSync(`${draft}.data`, "utf8")).toBe("new a.onnxnew a.onnx.data");
      throw new Error("off by 3");
    });
    await expect(wrong).rejects.toThrow("off by 3");
    expect(readdirSync(folder)).toEqual(["a.onnx"]);
    expect(readFileSync(files[0].path, "utf8")).toBe("old");
    expect(await writeChecked(files, async () => 7)).toBe(7);
    expect(readdirSync(folder)).toEqual(["a.onnx", "a.onnx.data"]);
    expect(readFileSync(files[0].path, "utf8")).toBe("new a.onnx");
  });
});

describe("a trained model", () => {
  it("is asked for where there is none", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "model.onnx"), "");
    await expect(openTrainedModel(join(folder, "nowhere"))).rejects.toMatchObject({ code: "DATA_NOT_FOUND" });
    await expect(openTrainedModel(join(folder, "model.onnx"))).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
    await expect(openTrainedModel(folder)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });

  it("is refused where its checkpoint is damaged", async () => {
    const { path } = await checkpointOf(run, data);
    rmSync(join(path, "model.safetensors"));
    await expect(openTrainedModel(path)).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
  });
});

describe("a difference", () => {
  it("is measured in the largest expected value, and infinite where one of two is not finite", () => {
    expect(relativeDifference([1, 3], [2, -4])).toBe(1.75);
    expect(relativeDifference([NaN, Infinity], [NaN, Infinity])).toBe(0);
    expect(relativeDifference([NaN], [1])).toBe(Infinity);
    expect(relativeDifference([1], [1, 2])).toBe(Infinity);
  });
});
