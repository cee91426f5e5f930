// A trained model as its checkpoint has it, for whoever asks or exports it.
import { findCheckpoint, readCheckpoint, type NamedTensor } from "@tabgrad/coordinator";
import {
  featuresField,
  graphInputs,
  initialParameters,
  parametersFrom,
  parameterSlots,
  readingOf,
  restoreRun,
  TabgradError,
  type FeatureDescription,
  type Graph,
  type LabelDescription,
  type Reading,
  type RunDescription,
  type TextDescription,
} from "@tabgrad/core";
import { stat } from "node:fs/promises";

export interface TrainedModel {
  /** Of the checkpoint. */
  readonly path: string;
  /** What people call the run. */
  readonly name: string;
  readonly step: number;
  readonly description: RunDescription;
  readonly graph: Graph;
  /** The flat vector. */
  readonly parameters: Float32Array<ArrayBuffer>;
  readonly weights: readonly NamedTensor[];
  readonly features: FeatureDescription;
  /** Absent where the checkpoint is of a version that did not note it. */
  readonly labels?: LabelDescription;
  /** The tokens, where the model was trained on sequences of a text. */
  readonly text?: TextDescription;
  /** What the outputs of the model mean. */
  readonly reading: Reading;
}

/**
 * @param path a checkpoint, or the folder of a run: then its newest
 * @throws TabgradError CHECKPOINT_INVALID, DATA_NOT_FOUND
 */
export async function openTrainedModel(path: string): Promise<TrainedModel> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new TabgradError(
      found ? "CHECKPOINT_INVALID" : "DATA_NOT_FOUND",
      found ? `${path} is a file; expected a checkpoint, which is a folder with a manifest` : `There is no checkpoint at ${path}`,
      "Name the folder that a run printed as its checkpoint, or the run's own.",
    );
  }
  const { manifest, weights, path: folder } = await readCheckpoint(await findCheckpoint(path));
  const { description, graph } = restoreRun(manifest.run);
  const tensors = new Map(weights.map((tensor) => [tensor.name, tensor]));
  const { parameters, missing } = parametersFrom(parameterSlots(graph), tensors, initialParameters(graph, 0));
  if (missing.length > 0) {
    throw new TabgradError(
      "CHECKPOINT_INVALID",
      `${folder} lacks the parameters ${missing.join(", ")} of its own model`,
      "Use another checkpoint of the run.",
    );
  }
  const noted = manifest.format === 1 ? undefined : manifest.dataset;
  return {
    path: folder,
    name: manifest.format === 1 ? "model" : manifest.name,
    step: manifest.step,
    ...{ description, graph, parameters, weights },
    features: noted?.features ?? { shape: inputShape(graph), scale: 1, shift: 0 },
    ...(noted?.labels && { labels: noted.labels }),
    ...(noted?.text && { text: noted.text }),
    reading: readingOf(graph),
  };
}

function inputShape(graph: Graph): readonly number[] {
  const input = graphInputs(graph).find(({ name }) => name === featuresField);
  return input ? input.shape.slice(1) : [];
}
