// What the decision core must know of a checkpoint to go on from it.
import { restoreRun } from "@tabgrad/core";
import type { ResumePoint } from "../decide/resume.ts";
import type { Resumption } from "./open.ts";

export function resumePoint({ checkpoint: { manifest }, journal }: Resumption): ResumePoint {
  const { step, evaluation } = manifest;
  // Older manifests have it in the description of the run.
  const learningRate = manifest.format === 1 ? restoreRun(manifest.run).description.optimizer.learningRate : manifest.learningRate;
  const changes = journal.view.start?.runId === manifest.runId ? journal.learningRates.after(step) : [];
  return { step, learningRate, learningRateChanges: changes, isEvaluated: evaluation?.step === step };
}
