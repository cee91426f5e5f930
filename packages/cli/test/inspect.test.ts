// What `tabgrad inspect` finds in checkpoints and files of weights, whole ones and others.
import { encodeSafetensors } from "@tabgrad/coordinator";
import { csv, crossEntropy, dense, relu, sequential } from "@tabgrad/core";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { checkFiles, inspectCheckpoint } from "../src/inspect/checkpoint.ts";
import { checkpointText, weightsText } from "../src/inspect/text.ts";
import { inspectWeights } from "../src/inspect/weights.ts";
import { checkpointOf, temporaryFolder } from "./checkpoints.ts";

const run = {
  data: csv({ path: "iris.csv", label: "species" }),
  model: sequential(dense(4), relu(), dense(3)),
  loss: crossEntropy(),
};
const data = {
  features: { shape: [2], scale: [1, 2], shift: 0, names: ["length", "width"] },
  labels: { kind: "classes", count: 3, names: ["setosa", "versicolor", "virginica"] },
} as const;

describe("a checkpoint", () => {
  it("says where the run stood, of what data, and what the parameters are like", async () => {
    const { path, parameters } = await checkpointOf(run, data);
    const { findings } = await inspectCheckpoint(path);
    expect(findings).toMatchObject({
      name: "small",
      step: 10,
      learningRate: 0.05,
      run: { loss: "crossEntropy", batchSize: 8 },
      data: { trainSamples: 80, ...data },
      files: [{ name: "model.safetensors" }, { name: "optimizer.safetensors" }],
    });
    const [weight, bias] = findings.parameters;
    const values = Array.from(parameters.subarray(0, 8));
    const mean = values.reduce((sum, value) => sum + value) / 8;
    expect(weight).toMatchObject({ name: "0.weight", type: "F32", shape: [4, 2], values: 8, least: Math.min(...values) });
    expect(weight.mean).toBeCloseTo(mean, 12);
    expect(weight.deviation).toBeCloseTo(Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 8), 12);
    expect(bias).toMatchObject({ mean: 0, deviation: 0, notFinite: 0 });
    expect(() => checkFiles(findings)).not.toThrow();
  });

  it("is told to a person", async () => {
    const { path } = await checkpointOf(run, data);
    const { findings, table } = await inspectCheckpoint(path);
    const text = stripVTControlCharacters(checkpointText(findings, table));
    expect(text).toMatch(/^run +small {2}a-run$/m);
    expect(text).toMatch(/^held out +loss 0.5000 {2}accuracy 75.00 %$/m);
    expect(text).toMatch(/^optimizer +sgd with learningRate 0.05, /m);
    expect(text).toMatch(/features \[2\]: length, width; 3 classes: setosa, versicolor, virginica$/m);
    expect(text).toMatch(/^files +✓ model.safetensors, \d+ bytes, SHA-256 [0-9a-f]{64}$/m);
    expect(text).toMatch(/^dense 2 \(3 units\) +\[3\] +15$/m);
    expect(text).toMatch(/^2.weight +F32 +\[3, 4\] +12 /m);
    expect(text).toMatch(/^total +27$/m);
  });

  it("whose file is damaged is told all the same, and refused", async () => {
    const { path } = await checkpointOf(run, data);
    const file = join(path, "model.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    truncateSync(join(path, "optimizer.safetensors"), 9);
    const { findings, table } = await inspectCheckpoint(path);
    expect(stripVTControlCharacters(checkpointText(findings, table))).toMatch(/✗ model.safetensors: its SHA-256 is/);
    expect(findings.parameters).toEqual([]);
    expect(() => checkFiles(findings)).toThrow(
      expect.objectContaining({
        code: "CHECKPOINT_INVALID",
        message: expect.stringMatching(/model\.safetensors: its SHA-256 .*optimizer\.safetensors: it has 9 bytes/) as string,
      }),
    );
  });
});

describe("a file of weights", () => {
  it("lists its tensors, and what is no number in them", async () => {
    const path = join(temporaryFolder(), "w.safetensors");
    const tensors = [
      { name: "a", shape: [2, 2], data: Float32Array.of(1, NaN, Infinity, 3) },
      { name: "b", shape: [1], data: Float32Array.of(NaN) },
    ];
    writeFileSync(path, encodeSafetensors(tensors, { format: "pt" }));
    const findings = await inspectWeights(path);
    expect(findings.tensors).toEqual([
      { name: "a", type: "F32", shape: [2, 2], values: 4, mean: 2, deviation: 1, least: 1, greatest: 3, notFinite: 2 },
      { name: "b", type: "F32", shape: [1], values: 1, mean: null, deviation: null, least: null, greatest: null, notFinite: 1 },
    ]);
    const text = stripVTControlCharacters(weightsText(findings));
    expect(text).toMatch(/^metadata +format pt$/m);
    expect(text).toMatch(/^a +F32 +\[2, 2\] .* 2 not finite$/m);
  });
});
