// An exponential moving average of the parameters: what is evaluated and saved in place of the newest ones.
import { z } from "zod";
import { decay } from "./settings.ts";

/** How the parameters are averaged over steps. */
export interface AverageWeights {
  /** d, from 0 to less than 1: how much of the average stays in a step. Default: 0.999. */
  readonly decay?: number;
}

/** Checks the `averageWeights` of a run file. */
export const averageWeightsSchema = z.strictObject(
  { decay: decay.default(0.999) },
  { error: (issue) => (issue.code === "invalid_type" ? "expected { decay: 0.999 }, for example" : undefined) },
) satisfies z.ZodType<Required<AverageWeights>, AverageWeights>;

/**
 * How much of the average stays in step t: min(d, (1 + t) / (10 + t)), so that a young average forgets where training began. After
 * TensorFlow's `ExponentialMovingAverage` with `num_updates`; averaging over steps: Polyak & Juditsky 1992.
 */
export const averageDecay = (decay: number, step: number): number => Math.min(decay, (1 + step) / (10 + step));
