// docs/json.md cannot go stale: every field that a command prints with --json stands in the section of that command.
import { crossEntropy, csv, dense, sequential } from "@tabgrad/core";
import { encodeSafetensors } from "@tabgrad/coordinator";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { translateOnnx } from "../src/import/import-onnx.ts";
import { inspectCheckpoint } from "../src/inspect/checkpoint.ts";
import { inspectWeights } from "../src/inspect/weights.ts";
import { writeOnnx } from "../src/export/onnx.ts";
import { importReport } from "../src/commands/import.ts";
import { answerObject } from "../src/predict/answer.ts";
import { openTrainedModel } from "../src/trained-model.ts";
import { checkpointOf, temporaryFolder } from "./checkpoints.ts";

const page = readFileSync(new URL("../../../docs/json.md", import.meta.url), "utf8");

const sectionOf = (command: string): string => page.split(/^## /m).find((section) => section.startsWith(`${command}\n`))!;

/** What has no name of its own on the page: the run's settings, and what is known of data, which other pages are about. */
const elsewhere = new Set(["run", "labels", "metrics", "metadata"]);

/** The names of all fields of an object, and of those within it. */
const fieldsOf = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(fieldsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...(elsewhere.has(name) ? [] : fieldsOf(inner))]);
};

function expectDocumented(command: string, printed: object): void {
  const known = new Set(Array.from(sectionOf(command).matchAll(/`([a-zA-Z\d]+)`/g), ([, name]) => name));
  const fields = [...new Set(fieldsOf(printed))];
  expect(fields.length).toBeGreaterThan(1);
  expect(fields.filter((name) => !known.has(name))).toEqual([]);
}

const run = { data: csv({ path: "iris.csv", label: "species" }), model: sequential(dense(3)), loss: crossEntropy() };
const data = {
  features: { shape: [2], scale: [1, 2], shift: [0.5, -3], names: ["length", "width"] },
  labels: { kind: "classes", count: 3, names: ["setosa", "versicolor", "virginica"] },
} as const;

describe("docs/json.md", () => {
  it("says what predict prints", () => {
    const labels = { kind: "values", shape: [2], names: ["x", "y"] } as const;
    const answer = { place: "a.csv:2", output: Float32Array.of(1, 2) };
    expectDocumented("predict", answerObject(answer, { reading: "classLogits" }));
    expectDocumented("predict", answerObject(answer, { reading: "values", labels: { kind: "classes", count: 2 } }));
    expectDocumented("predict", answerObject(answer, { reading: "values", labels }));
    expectDocumented("predict", { prompt: "a", text: "b" });
  });

  it("says what inspect prints", async () => {
    const { path } = await checkpointOf(run, data);
    const { findings } = await inspectCheckpoint(path);
    expectDocumented("inspect", findings);
    writeFileSync(join(path, "model.safetensors"), "");
    expectDocumented("inspect", (await inspectCheckpoint(path)).findings);
    const file = join(temporaryFolder(), "a.safetensors");
    writeFileSync(file, encodeSafetensors([{ name: "w", shape: [1], data: Float32Array.of(1) }], { by: "us" }));
    expectDocumented("inspect", await inspectWeights(file));
  });

  it("says what export and import print", async () => {
    const trained = await openTrainedModel((await checkpointOf(run, data)).path);
    const onnx = await writeOnnx(trained, join(temporaryFolder(), "a.onnx"), { external: true });
    expectDocumented("export", { checkpoint: trained.path, onnx, safetensors: { path: "", bytes: 0 } });
    const translation = await translateOnnx(join(import.meta.dirname, "fixtures/mlp.onnx"), {});
    expectDocumented(
      "import",
      importReport(translation, { model: "a.ts", weights: "a.safetensors", parameters: 1, difference: 0 }),
    );
  });
});
