// The manifest of a checkpoint: what the tensors beside it are, where the run stood, and how to tell that nothing is damaged.
import type { FeatureDescription, LabelDescription, TextDescription } from "@tabgrad/core";
import { z } from "zod";

export const manifestFormat = 2;

const count = z.int().nonnegative();
const progressSchema = z.object({ best: z.number().optional(), step: count, waited: count });
const evaluationSchema = z.object({
  step: z.int(),
  loss: z.number(),
  metrics: z.record(z.string(), z.number()),
  /** What the run keeps in mind of all evaluations up to this one: a falling learning rate and an early end go by it. */
  watched: z.object({ plateau: progressSchema.extend({ scale: z.number() }), stopping: progressSchema }).optional(),
});
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

const common = {
  /** Version of tabgrad that wrote it. */
  tabgrad: z.string(),
  runId: z.string(),
  /** Optimizer steps taken; also the cursor of the plan: the next step is `step + 1`. */
  step: count,
  epoch: count,
  savedAt: z.string(),
  /** The run as data, its graph included: `restoreRun` of the core package reads it. */
  run: z.unknown(),
  /** SHA-256 of the flat parameter vector, float32 little-endian. */
  parametersSha256: z.string(),
  /** The newest evaluation, if there was one. If it is of this very step, this checkpoint is as good as it says. */
  evaluation: evaluationSchema.nullable(),
  files: z.record(z.string(), z.object({ bytes: count, sha256: z.string() })),
};

const manifestSchema2 = z.object({
  format: z.literal(manifestFormat),
  ...common,
  /** What people call the run. */
  name: z.string(),
  /** What relative paths in `run` are relative to: the folder of the run file. */
  baseDirectory: z.string(),
  /** Where it listened: workers and pages look for it there. */
  listened: z.object({
    host: z.string(),
    port: z.int(),
    tls: z.boolean(),
    /** Where the certificate lies that it was given; absent where it was the machine's own. */
    tlsFiles: z.object({ cert: z.string(), key: z.string() }).optional(),
  }),
  /** Of the coming steps; `run` has the one that it began with. */
  learningRate: z.number(),
  /** In mixed precision: what losses of the coming steps are multiplied with, and for how many steps that has gone well. */
  lossScale: z.object({ scale: z.number().min(1), finiteSteps: count }).optional(),
  /** The kind of engine that an exact run computes on; absent before its first worker, and in other runs. */
  engineKind: z.string().optional(),
  /** How many of the newest checkpoints are kept. */
  keep: z.int().positive(),
  dataset: z.object({
    /** Tells whether the data is still the same. */
    fingerprint: z.string(),
    /** Samples in each shard, and which ones are trained on: enough to tell what each step consists of, without the data. */
    shards: z.array(z.int().positive()),
    train: z.object({ samples: count, shards: z.array(count) }),
    /** What a sample looks like, and its label, for whoever asks the model. Absent in manifests of versions that did not note it. */
    features: z.custom<FeatureDescription>(isObject).optional(),
    labels: z.custom<LabelDescription>(isObject).optional(),
    /** The tokens, where samples are sequences of a text. */
    text: z.custom<TextDescription>(isObject).optional(),
  }),
});

/** Its learning rate is in `run`; what else it lacks, whoever resumes must say. */
const manifestSchema1 = z.object({ format: z.literal(1), ...common });

export const manifestSchema = z.discriminatedUnion("format", [manifestSchema2, manifestSchema1]);

export type Manifest = z.infer<typeof manifestSchema2>;
/** As older versions wrote it, too. */
export type AnyManifest = z.infer<typeof manifestSchema>;
export type Evaluation = z.infer<typeof evaluationSchema>;

export const manifestFile = "manifest.json";
export const modelFile = "model.safetensors";
export const optimizerFile = "optimizer.safetensors";

/** Lists of numbers stand on one line each. Text can't be mistaken for them: in JSON it holds no line breaks. */
export const manifestText = (manifest: Manifest): string =>
  `${JSON.stringify(manifest, null, 2).replace(/\[\n[-\d.,eE+\s]+\]/g, (list) => list.replace(/\s+/g, " "))}\n`;
