// From what a checkpoint says to a run that can go on: its description, checked against the data and the run file, and its parameters.
import {
  parameterElements,
  parametersFrom,
  parameterSlots,
  restoreRun,
  TabgradError,
  type DatasetDescription,
  type ResolvedRun,
  type RunDescription,
} from "@tabgrad/core";
import { weightsSha256, type LoadedCheckpoint, type Manifest } from "../checkpoint/index.ts";
import { fingerprint } from "@tabgrad/data";
import type { Schedule } from "../plan.ts";
import { differences } from "./same-run.ts";
import type { Resumption } from "./open.ts";

/** Where the run that is resumed was begun, and as what. */
export interface Origin {
  readonly name: string;
  readonly baseDirectory: string;
  readonly listened: Manifest["listened"];
  readonly keep: number;
}

/** What older versions did not note; the run file has to be named then. */
export function originOf({ checkpoint: { manifest } }: Resumption): Origin | undefined {
  if (manifest.format === 1) return undefined;
  const { name, baseDirectory, listened, keep } = manifest;
  return { name, baseDirectory, listened, keep };
}

/** Changes of the run that a resumption may bring. */
export type Extension = Partial<Pick<RunDescription, "duration" | "checkpointEvery">>;

/** The run as its checkpoint describes it. @throws TabgradError CHECKPOINT_INVALID, GRAPH_INVALID */
export function restoredRun({ checkpoint }: Resumption, extension: Extension): ResolvedRun {
  const { description, ...graphs } = restoreRun(checkpoint.manifest.run);
  return { description: { ...description, ...extension }, ...graphs };
}

/** @throws TabgradError RESUME_IMPOSSIBLE where a run file describes another run */
export function checkSameRun(resumption: Resumption, given: RunDescription): void {
  const { manifest } = resumption.checkpoint;
  const { description: kept } = restoreRun(manifest.run);
  // Older manifests have the newest learning rate in the place of the first.
  const { learningRate } = manifest.format === 1 ? given.optimizer : kept.optimizer;
  const found = differences({ ...kept, optimizer: { ...kept.optimizer, learningRate } }, given);
  if (found.length === 0) return;
  throw new TabgradError(
    "RESUME_IMPOSSIBLE",
    `The run file describes another run than the one in ${resumption.directory}: ${found.join("; ")}`,
    "Only steps, epochs and checkpointEvery may change. Leave the run file out, or begin a new run that takes the parameters over with `initialise`.",
  );
}

/** @throws TabgradError DATA_CHANGED */
export function checkSameData({ checkpoint: { manifest } }: Resumption, dataset: DatasetDescription): void {
  if (manifest.format === 1 || manifest.dataset.fingerprint === fingerprint(dataset)) return;
  const { train } = manifest.dataset;
  const what =
    train.samples === dataset.train.samples
      ? "samples were changed or moved"
      : `there were ${train.samples} samples to learn from, now there are ${dataset.train.samples}`;
  throw new TabgradError(
    "DATA_CHANGED",
    `The data is not what the run was begun with: ${what}`,
    "Bring the old files back, or begin a new run that takes the parameters over with `initialise`.",
  );
}

/** @throws TabgradError RESUME_IMPOSSIBLE where no step is left */
export function checkStepsLeft({ directory, checkpoint, journal }: Resumption, { steps }: Pick<Schedule, "steps">): void {
  const { step } = checkpoint.manifest;
  const { done } = journal.view;
  const isFinished = done?.outcome === "finished";
  if (isFinished && done.why !== undefined) {
    throw new TabgradError(
      "RESUME_IMPOSSIBLE",
      `The run in ${directory} is over: after ${step} steps it was ${done.why}`,
      "Begin a new run that takes the parameters over with `initialise`.",
    );
  }
  if (steps > step || (steps === step && !isFinished)) return;
  throw new TabgradError(
    "RESUME_IMPOSSIBLE",
    steps === step
      ? `The run in ${directory} is over: all of its ${steps} steps are taken`
      : `The run in ${directory} has taken ${step} steps already, and should end after ${steps}`,
    `Give it more with --steps or --epochs: more than ${step} steps.`,
  );
}

/** The flat vector. @throws TabgradError CHECKPOINT_INVALID where it does not fit the model, or is not what the manifest says */
export function restoredParameters({ checkpoint }: Resumption, { graph }: ResolvedRun): Float32Array {
  const { path, manifest, weights } = checkpoint;
  const tensors = new Map(weights.map((tensor) => [tensor.name, tensor]));
  const { parameters, missing, unused } = parametersFrom(
    parameterSlots(graph),
    tensors,
    new Float32Array(parameterElements(graph)),
  );
  if (missing.length > 0 || unused.length > 0) {
    throw invalid(path, `it lacks ${missing.join(", ") || "nothing"} and has no use for ${unused.join(", ") || "nothing"}`);
  }
  if (weightsSha256(weights) !== manifest.parametersSha256)
    throw invalid(path, "its parameters are not those that its manifest names");
  return parameters;
}

const invalid = (path: LoadedCheckpoint["path"], what: string): TabgradError =>
  new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} does not fit its run: ${what}`,
    "Remove it, and resume from the checkpoint before it.",
  );
