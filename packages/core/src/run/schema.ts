// What a run file may say, field by field. Every message reads on from "expected".
import { z } from "zod";
import { dataSpecSchema } from "../data/spec/index.ts";
import { transformsSchema } from "../data/transforms/index.ts";
import type { Layer } from "../model/layer.ts";
import type { Loss, Metric } from "../model/loss.ts";
import { roleOf } from "../model/role.ts";
import { averageWeightsSchema } from "../optimizer/average.ts";
import { clipSchema } from "../optimizer/clip.ts";
import { parameterGroupSchema } from "../optimizer/groups.ts";
import { criterionShape, scheduleSchema, whole as wholeFromOne } from "../optimizer/schedule.ts";
import { notNegative } from "../optimizer/settings.ts";
import { optimizerSpecSchema } from "../optimizer/spec.ts";
import { runBounds } from "./bounds.ts";
import type { CheckpointInterval, InitialiseOptions, Interval } from "./run-file.ts";

const whole = (from: number, to: number) => {
  const error = `expected a whole number from ${from} to ${to}`;
  return z.int({ error }).min(from, { error }).max(to, { error });
};
const count = whole(1, runBounds.steps);

/** "end", or a strict object of which exactly one field is there. */
function intervalOf<T>(shape: Record<string, z.ZodType>): z.ZodType<T, T> {
  const error = `expected ${Object.keys(shape)
    .map((field) => `{ ${field}: N }`)
    .join(" or ")}, or "end"`;
  const one = z
    .strictObject(shape, { error: (issue) => (issue.code === "invalid_type" ? error : undefined) })
    .refine((value) => Object.keys(value).length === 1, { error });
  return z.union([z.literal("end"), one], { error }) as unknown as z.ZodType<T, T>;
}

const seconds = z.number({ error: "expected a number above 0" }).gt(0, { error: "expected a number above 0" });
const counts = { epochs: count.optional(), steps: count.optional() };
const interval = intervalOf<Interval>(counts);
const checkpointInterval = intervalOf<CheckpointInterval>({ ...counts, seconds: seconds.optional() });

const weightsPath = z
  .string({ error: "expected the path of a checkpoint" })
  .min(1, { error: "expected the path of a checkpoint, not an empty one" });
const namePart = z.string({ error: "expected the beginning of a name, such as model." });
const initialiseOptions = z.strictObject(
  {
    from: weightsPath,
    prefix: namePart.optional(),
    into: namePart.optional(),
    skipMismatched: z.boolean({ error: "expected true or false" }).optional(),
  },
  { error: (issue) => (issue.code === "invalid_type" ? "expected the path of a checkpoint, or { from, prefix, … }" : undefined) },
) satisfies z.ZodType<InitialiseOptions>;
const initialiseSchema = z.union([weightsPath, initialiseOptions], {
  error: "expected the path of a checkpoint, or { from, prefix, … }",
});
const goalExpected = 'expected a metric to go by, such as { metric: "accuracy" }';
const groupsExpected = 'expected a list such as [{ parameters: "*.bias", weightDecay: 0 }]';

/** The settings of a run that are plain data, and so the same in a run file and in a checkpoint. */
export const settingsShape = {
  data: dataSpecSchema,
  optimizer: optimizerSpecSchema,
  batchSize: whole(1, runBounds.batch),
  seed: whole(0, runBounds.seed).default(1),
  evaluateEvery: interval.default({ epochs: 1 }),
  checkpointEvery: checkpointInterval.default({ epochs: 1 }),
  exact: z.boolean({ error: "expected true or false" }).default(false),
  precision: z.enum(["float32", "mixed"], { error: 'expected "float32" or "mixed"' }).default("float32"),
  initialise: initialiseSchema.optional(),
  parameterGroups: z.array(parameterGroupSchema, { error: groupsExpected }).default([]),
  clip: clipSchema.optional(),
  schedule: scheduleSchema.optional(),
  averageWeights: averageWeightsSchema.optional(),
  goal: z.strictObject(criterionShape, { error: (issue) => (issue.code === "invalid_type" ? goalExpected : undefined) }).optional(),
  stopEarly: z
    .strictObject(
      { ...criterionShape, patience: wholeFromOne, minimumDelta: notNegative.default(0) },
      { error: (issue) => (issue.code === "invalid_type" ? "expected { patience: N }" : undefined) },
    )
    .optional(),
  transforms: transformsSchema.default([]),
} as const;

export const microbatchSizeSchema = whole(1, runBounds.microbatch);
export const durationSchema = z.union([z.strictObject({ epochs: count }), z.strictObject({ steps: count })]);

const metric = z.custom<Metric>((value) => roleOf(value) === "metric" || roleOf(value) === "loss", {
  error: "expected a metric such as accuracy()",
});

export const runFileSchema = z.strictObject(
  {
    ...settingsShape,
    model: z.custom<Layer>((value) => roleOf(value) === "layer", {
      error: "expected a model such as sequential(dense(128), relu(), dense(10))",
    }),
    loss: z.custom<Loss>((value) => roleOf(value) === "loss", { error: "expected a loss such as crossEntropy()" }),
    metrics: z.array(metric, { error: "expected a list of metrics such as [accuracy()]" }).optional(),
    microbatchSize: microbatchSizeSchema.optional(),
    epochs: count.optional(),
    steps: count.optional(),
  },
  { error: (issue) => (issue.code === "invalid_type" ? "expected defineRun({ … })" : undefined) },
);
