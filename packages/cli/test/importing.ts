// What the tests of `tabgrad import` share: files of PyTorch, of our exporter and made by hand, and what becomes of them.
import { encodeModel, exportModel, type OnnxModel } from "@tabgrad/cpu";
import { meanSquaredError, forwardGraph, initialParameters, type Layer, type Shape } from "@tabgrad/core";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";
import { expect } from "vitest";
import { compareWithOriginal } from "../src/import/compare.ts";
import { checkSupported, translateOnnx, type ImportOptions } from "../src/import/import-onnx.ts";
import { modelSource } from "../src/import/source.ts";
import * as tabgrad from "../src/index.ts";
import { temporaryFolder } from "./checkpoints.ts";

export const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** The model that the source says, as a run file would get it. */
export function evaluated(text: string): Layer {
  const imports = /import (\{.*\}) from "tabgrad";/.exec(text)![1];
  const body = text.replace(/^(?:\/\/.*\n)*import .*\n/, "").replace("export default", "return");
  return (compileFunction(`const ${imports} = tabgrad; ${body}`, ["tabgrad"]) as (from: typeof tabgrad) => Layer)(tabgrad);
}

export async function imported(path: string, options?: ImportOptions) {
  const translation = await translateOnnx(path, options);
  checkSupported(translation, path);
  const { text, weights } = modelSource(translation, ["A test."]);
  const difference = await compareWithOriginal(path, evaluated(text), weights, translation);
  expect(difference).toBeLessThan(1e-5);
  return { text, weights };
}

/** Written by our own exporter. */
export function exported(model: Layer, shape: Shape, outputs: Shape): string {
  const data = { features: { shape, scale: 1, shift: 0 }, labels: { kind: "values", shape: outputs } } as const;
  const forward = forwardGraph({ model, loss: meanSquaredError(), data });
  const about = { producerVersion: "0", documentation: "", metadata: {} };
  return written(exportModel(forward, { parameters: initialParameters(forward, 5), about }));
}

export function written(model: OnnxModel): string {
  const path = join(temporaryFolder(), "model.onnx");
  writeFileSync(path, encodeModel(model));
  return path;
}

export const tensor = (name: string, ...shape: (number | string)[]) => ({ name, type: "float", shape }) as const;
export const node = (type: string, inputs: string[], output: string) => ({
  type,
  inputs,
  outputs: [output],
  attributes: {},
  documentation: "",
});
export const graphOf = (parts: Partial<OnnxModel["graph"]>): OnnxModel => ({
  graph: { name: "test", nodes: [], initializers: [], inputs: [], outputs: [], ...parts },
  opset: 20,
});

export const weight = (name: string, shape: readonly number[], data: readonly number[]) =>
  ({ name, type: "float", shape, data: Float32Array.from(data) }) as const;
