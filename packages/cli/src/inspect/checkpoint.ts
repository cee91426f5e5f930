// What a checkpoint says of itself, and whether its files are what it says.
import { readManifest, readSafetensors, verifyFiles, type AnyManifest, type FileCheck } from "@tabgrad/coordinator";
import {
  layerSummaries,
  restoreRun,
  summary,
  TabgradError,
  type FeatureDescription,
  type LabelDescription,
  type LayerSummary,
  type RunDescription,
} from "@tabgrad/core";
import { join } from "node:path";
import { tensorFindings, type TensorFindings } from "./tensors.ts";

export interface CheckpointFindings {
  readonly kind: "checkpoint";
  readonly path: string;
  /** The version that wrote it. */
  readonly tabgrad: string;
  readonly savedAt: string;
  readonly runId: string;
  /** What people call the run; null where the manifest is of a version that did not note it. */
  readonly name: string | null;
  readonly step: number;
  readonly epoch: number;
  readonly evaluation: AnyManifest["evaluation"];
  /** All that the run file said but for the model, whose graph would take up the screen. */
  readonly run: Omit<RunDescription, "graph" | "version">;
  /** Of the coming steps; `run.optimizer` has the one that the run began with. */
  readonly learningRate: number;
  /** Null where the manifest is of a version that did not note it. */
  readonly data: DataFindings | null;
  readonly layers: readonly LayerSummary[];
  /** Empty where the file is damaged. */
  readonly parameters: readonly TensorFindings[];
  readonly parametersSha256: string;
  readonly files: readonly FileCheck[];
}

export interface DataFindings {
  readonly trainSamples: number;
  readonly features: FeatureDescription | null;
  readonly labels: LabelDescription | null;
}

/** @returns the findings, and the layers as a table. @throws TabgradError where the manifest can't be read */
export async function inspectCheckpoint(path: string): Promise<{ findings: CheckpointFindings; table: string }> {
  const manifest = await readManifest(path);
  const { description, graph } = restoreRun(manifest.run);
  const { graph: _graph, version: _version, ...run } = description;
  const files = await verifyFiles(path, manifest);
  const { tabgrad, savedAt, runId, step, epoch, evaluation, parametersSha256 } = manifest;
  const findings: CheckpointFindings = {
    kind: "checkpoint",
    path,
    ...{ tabgrad, savedAt, runId, step, epoch, evaluation, run, parametersSha256, files },
    name: manifest.format === 1 ? null : manifest.name,
    learningRate: manifest.format === 1 ? run.optimizer.learningRate : manifest.learningRate,
    data: dataOf(manifest),
    layers: layerSummaries(graph),
    parameters: files.every(({ problem }) => problem === undefined) ? await parametersIn(path) : [],
  };
  return { findings, table: summary(graph) };
}

function dataOf(manifest: AnyManifest): DataFindings | null {
  if (manifest.format === 1) return null;
  const { train, features = null, labels = null } = manifest.dataset;
  return { trainSamples: train.samples, features, labels };
}

async function parametersIn(path: string): Promise<TensorFindings[]> {
  const { header, weights } = await readSafetensors(join(path, "model.safetensors"));
  return header.tensors.map((entry, i) => tensorFindings(entry, weights[i]));
}

/** @throws TabgradError CHECKPOINT_INVALID where a file is not what the manifest says */
export function checkFiles({ path, files }: CheckpointFindings): void {
  const wrong = files.filter(({ problem }) => problem !== undefined);
  if (wrong.length === 0) return;
  throw new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} is damaged: ${wrong.map(({ name, problem }) => `${name}: ${problem}`).join("; ")}`,
    "Use another checkpoint of the run; each stands in a folder of its own.",
  );
}
