// What the decision core must know of a checkpoint to go on from it.
import { restoreRun } from "@tabgrad/core";
import { nothingWatched } from "../decide/index.ts";
import type { ResumePoint } from "../decide/resume.ts";
import type { Resumption } from "./open.ts";

export function resumePoint({ checkpoint: { manifest }, journal }: Resumption): ResumePoint {
  const { step, evaluation } = manifest;
  // Older manifests have it in the description of the run.
  const learningRate = manifest.format === 1 ? restoreRun(manifest.run).description.optimizer.learningRate : manifest.learningRate;
  const changes = journal.view.start?.runId === manifest.runId ? journal.learningRates.after(step) : [];
  const scale = manifest.format === 2 && manifest.lossScale ? { lossScale: manifest.lossScale } : {};
  const watched = evaluation?.watched ?? nothingWatched;
  return { step, learningRate, watched, learningRateChanges: changes, isEvaluated: evaluation?.step === step, ...scale };
}
