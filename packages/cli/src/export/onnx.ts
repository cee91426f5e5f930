// A checkpoint as an ONNX file, checked: ONNX Runtime has to say of it what the engine says of the model.
import { encodeModel, exportModel, externalise } from "@tabgrad/cpu";
import { createNodeCpuEngine, openOnnxFile } from "@tabgrad/cpu/node";
import { featuresField, predictionOutput } from "@tabgrad/core";
import { basename } from "node:path";
import type { TrainedModel } from "../trained-model.ts";
import { version } from "../version.ts";
import { sampleInputs } from "./sample-inputs.ts";
import { writeChecked } from "./write-file.ts";

export interface OnnxReport {
  readonly path: string;
  /** Of all files. */
  readonly bytes: number;
  /** The file beside the model that holds its weights, if there is one. */
  readonly weights?: string;
  readonly opset: number;
  readonly inputs: readonly OnnxFaceReport[];
  readonly outputs: readonly OnnxFaceReport[];
  /** The largest difference to the engine's predictions, in units of the largest of them. */
  readonly difference: number;
}

export interface OnnxFaceReport {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxOptions {
  /** Whether the weights go into a file of their own. Default: where they would not fit into one. */
  readonly external?: boolean;
}

/** Protobuf ends at 2 GiB; the nodes need some room, too. */
const mostInside = 2 ** 31 - 2 ** 26;

/** Leaves nothing behind, and what was there as it was, where it fails. @throws TabgradError OUTPUT_UNWRITABLE, ENGINE_FAILED */
export async function writeOnnx(trained: TrainedModel, path: string, options: OnnxOptions = {}): Promise<OnnxReport> {
  const { graph, parameters } = trained;
  const whole = exportModel(graph, { parameters, about: aboutOf(trained) });
  const { external = parameters.byteLength > mostInside } = options;
  const { model, pieces } = external ? externalise(whole, `${basename(path)}.data`) : { model: whole, pieces: [] };
  const weights = pieces.length > 0 ? `${path}.data` : undefined;
  const bytes = encodeModel(model);
  const files = [{ path, pieces: [bytes] }, ...(weights === undefined ? [] : [{ path: weights, pieces }])];
  const difference = await writeChecked(files, (draft) => compare(trained, draft, path));
  return {
    path,
    bytes: pieces.reduce((total, piece) => total + piece.length, bytes.length),
    ...(weights !== undefined && { weights }),
    opset: model.opset,
    inputs: model.graph.inputs.map(({ name, shape }) => ({ name, shape })),
    outputs: model.graph.outputs.map(({ name, shape }) => ({ name, shape })),
    difference,
  };
}

/** What a person who finds the file wants to know; names as JSON. */
function aboutOf({ name, step, features, labels, reading, description }: TrainedModel) {
  return {
    producerVersion: version,
    documentation: `${name} after step ${step}, trained with tabgrad. The input "${featuresField}" takes raw values: normalisation is part of the model.`,
    metadata: {
      run: name,
      step: String(step),
      loss: description.loss,
      reading,
      ...(labels?.names && { [labels.kind === "classes" ? "classes" : "values"]: JSON.stringify(labels.names) }),
      ...(features.names && { features: JSON.stringify(features.names) }),
    },
  };
}

/** One row, which a model must not be made for, and others. */
const comparedRows = [1, 2, 7];

/** More than rounding in another order of addition explains. */
const tolerance = 1e-3;

/**
 * @param draft where the file is that shall become `path`
 * @throws Error where the file says something else than the engine: that is a defect of ours
 */
async function compare({ graph, parameters, features }: TrainedModel, draft: string, path: string): Promise<number> {
  const engine = await createNodeCpuEngine();
  const file = await openOnnxFile(draft);
  try {
    const program = await engine.compile(graph);
    await program.setParameters(parameters);
    let difference = 0;
    for (const rows of comparedRows) {
      const data = sampleInputs(graph, features, rows, rows);
      const weights = new Float32Array(rows).fill(1);
      const expected = await program.predict({ rows, samples: rows, inputs: { [featuresField]: data }, weights });
      const found = await file.run({ [featuresField]: { data, shape: [rows, ...features.shape] } });
      difference = Math.max(difference, relativeDifference(found[predictionOutput].data, expected));
    }
    if (difference <= tolerance) return difference;
    throw new Error(
      `${path} was not written: ONNX Runtime's predictions with it are off by ${difference.toExponential(1)} of the engine's; expected ${tolerance} at most`,
    );
  } finally {
    await file.close();
    await engine.close();
  }
}

/** The largest difference, in units of the largest expected value. What is not finite has to be so in both. */
export function relativeDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Infinity;
  let [difference, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(found[i], expected[i])) continue;
    if (!Number.isFinite(found[i]) || !Number.isFinite(expected[i])) return Infinity;
    difference = Math.max(difference, Math.abs(found[i] - expected[i]));
  }
  for (let i = 0; i < expected.length; i++) if (Number.isFinite(expected[i])) scale = Math.max(scale, Math.abs(expected[i]));
  return difference / (scale || 1);
}
