// The manifest of a checkpoint: what the tensors beside it are, where the run stood, and how to tell that nothing is damaged.
import { z } from "zod";

export const manifestFormat = 1;

export const manifestSchema = z.object({
  format: z.literal(manifestFormat),
  /** Version of tabgrad that wrote it. */
  tabgrad: z.string(),
  runId: z.string(),
  /** Optimizer steps taken; also the cursor of the plan: the next step is `step + 1`. */
  step: z.int().nonnegative(),
  epoch: z.int().nonnegative(),
  savedAt: z.string(),
  /** The run as data, its graph included: `restoreRun` of the core package reads it. */
  run: z.unknown(),
  /** SHA-256 of the flat parameter vector, float32 little-endian. */
  parametersSha256: z.string(),
  /** The newest evaluation, if there was one. */
  evaluation: z.object({ step: z.int(), loss: z.number(), metrics: z.record(z.string(), z.number()) }).nullable(),
  files: z.record(z.string(), z.object({ bytes: z.int(), sha256: z.string() })),
});

export type Manifest = z.infer<typeof manifestSchema>;

export const manifestFile = "manifest.json";
export const modelFile = "model.safetensors";
export const optimizerFile = "optimizer.safetensors";

/** The folder of a checkpoint within a run's folder. */
export const checkpointFolder = (step: number): string => `step-${String(step).padStart(8, "0")}`;
export const checkpointPattern = /^step-(\d{8,})$/;
