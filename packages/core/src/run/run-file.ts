// What a person writes: the type that an editor completes, and nothing else. schema.ts checks it.
import type { Precision } from "../engine/engine.ts";
import type { DataSpec } from "../data/spec/index.ts";
import type { TransformSpec } from "../data/transforms/index.ts";
import type { Layer } from "../model/layer.ts";
import type { Loss, Metric } from "../model/loss.ts";
import type { PretrainedOptions } from "../model/pretrained.ts";
import type { AverageWeights } from "../optimizer/average.ts";
import type { Clip } from "../optimizer/clip.ts";
import type { ParameterGroup } from "../optimizer/groups.ts";
import type { ScheduleSpec } from "../optimizer/schedule.ts";
import type { OptimizerSpec } from "../optimizer/spec.ts";

import type { Goal, StopEarly } from "./goal.ts";

/** How often: counted in epochs or in steps. "end" is once, at the end of the run, when it is due in any case. */
export type Interval = { readonly epochs: number } | { readonly steps: number } | "end";

/** As `Interval`, or by the clock. */
export type CheckpointInterval = Interval | { readonly seconds: number };

/** Where the first parameters come from, and which of them. */
export interface InitialiseOptions extends PretrainedOptions {
  /** A checkpoint, the folder of a run, or a .safetensors file. Relative to the run file. */
  readonly from: string;
}

/** A run file's default export. */
export interface RunFile {
  /** What to learn from: `idx({ … })` or `csv({ … })`. */
  readonly data: DataSpec;
  /**
   * Random changes of the training samples' images, in order: `[randomCrop({ size: 32, padding: 4 }), horizontalFlip()]`. Also:
   * `shift({ … })` and `cutOut({ … })`. Evaluation sees samples as they are; of images that are cropped, the middle. Default: none.
   */
  readonly transforms?: readonly TransformSpec[];
  /** The model: `sequential(dense(128), relu(), dense(10))`. Its last layer gives what the loss expects. */
  readonly model: Layer;
  /** What to make small: `crossEntropy()`, `binaryCrossEntropy()`, `meanSquaredError()`, `huber()`, …: see docs/models.md. */
  readonly loss: Loss;
  /** What to report beside the loss. Default: what suits the loss, such as `accuracy()`. */
  readonly metrics?: readonly Metric[];
  /** How to make it small: `sgd({ … })`, `adam({ … })`, `adamW({ … })`, `rmsProp({ … })`, `lion({ … })` or `adagrad({ … })`. */
  readonly optimizer: OptimizerSpec;
  /**
   * How the learning rate changes over the run: `cosineDecay({ … })`, `linearDecay({ … })`, `stepDecay({ … })`, `oneCycle({ … })`,
   * `reduceOnPlateau({ … })` or `constantRate({ … })`, most of them with a `warmUp`. Default: it stays as it is.
   */
  readonly schedule?: ScheduleSpec;
  /** Parameters that are trained in another way than the rest, or not at all: `[{ parameters: "*.bias", weightDecay: 0 }]`. */
  readonly parameterGroups?: readonly ParameterGroup[];
  /** What to make of gradients that are too long, `{ norm: 1 }`, or of their values that are too large, `{ value: 0.5 }`. */
  readonly clip?: Clip;
  /**
   * Samples of a step, over all workers together. A worker computes some microbatches of them at a time and adds their gradients, so
   * that a batch may be as large as you like (gradient accumulation).
   */
  readonly batchSize: number;
  /**
   * Samples that a worker takes at a time; `batchSize` is a multiple of it. Default: the divisor of `batchSize` that makes a step of
   * about 8 microbatches.
   */
  readonly microbatchSize?: number;
  /** How many times to go through the data. Either this or `steps`. */
  readonly epochs?: number;
  /** How many steps to take. Either this or `epochs`. */
  readonly steps?: number;
  /** Decides everything that is left to chance: a whole number from 0 to 4294967295. Default: 1. */
  readonly seed?: number;
  /**
   * Whether the parameters are to have the same bits whatever the number of workers, and whoever dies or joins: sums are then taken in
   * a fixed order. It costs speed and bytes on the wire, as docs/guarantees.md says, and holds among workers of the same kind. Default:
   * false.
   */
  readonly exact?: boolean;
  /**
   * "mixed" stores activations and copies of the weights in f16, which halves the memory that they take and move, and adds in float32. It
   * needs workers on GPUs that have shader-f16, and none that has not takes part (docs/training.md). Default: "float32".
   */
  readonly precision?: Precision;
  /** When to measure loss and metrics on held-out samples. Default: every epoch. */
  readonly evaluateEvery?: Interval;
  /**
   * Evaluate and save an exponential moving average of the parameters instead of the newest ones: `{ decay: 0.999 }`. Default: do not.
   */
  readonly averageWeights?: AverageWeights;
  /** What is best on held-out samples, such as `{ metric: "accuracy" }`: that checkpoint always stays. Default: the lowest loss. */
  readonly goal?: Goal;
  /** End the run when evaluations get no better: `{ patience: 5 }`. Default: never. */
  readonly stopEarly?: StopEarly;
  /** When to save the parameters. Default: every epoch. */
  readonly checkpointEvery?: CheckpointInterval;
  /**
   * What to take the first parameters from, by name: a checkpoint, the folder of a run, or a .safetensors file; those it lacks begin at
   * random. Relative to the run file. On the command line: --init.
   */
  readonly initialise?: string | InitialiseOptions;
}

/** Describes a run, for an editor to complete and `tabgrad train` to load. What it says is checked when it is loaded. */
export const defineRun = (run: RunFile): RunFile => run;
