// Dropout: in training, values are left out at random.
import { TabgradError } from "../errors.ts";
import * as math from "../graph/math.ts";
import type { Value } from "../graph/value.ts";
import type { Layer, LayerContext } from "./layer.ts";
import { show } from "./role.ts";

/**
 * In training, each value is 0 with probability `rate` and divided by 1 − `rate` otherwise, so that its mean stays; in evaluation and
 * prediction nothing happens. Which values are left out is a function of the run's seed, the step, the sample and the place in the model,
 * so that whoever computes a microbatch, and however often, leaves out the same.
 * Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
 * @param rate from 0 (nothing happens) to less than 1
 * @throws TabgradError MODEL_INVALID where it is not
 */
export function dropout(rate: number): Layer {
  checkRate("dropout", "the rate", rate, "dropout(0.5): half of the values are left out");
  return {
    role: "layer",
    kind: "dropout",
    detail: `rate ${rate}`,
    build: (x, context) => leaveOut(x, rate, context),
  };
}

/** What `dropout` does, for layers that do it within. */
export function leaveOut(x: Value, rate: number, context: LayerContext): Value {
  if (rate === 0) return x;
  const isLeftOut = math.greater(math.constant(x, rate), context.uniform(x.shape.slice(1)));
  const factors = math.select(isLeftOut, math.constant(x, 0), math.constant(x, 1 / (1 - rate)));
  return math.ifTraining(math.multiply(x, factors), x);
}

/** @param example how it is written. @throws TabgradError MODEL_INVALID unless the rate is from 0 to less than 1 */
export function checkRate(kind: string, what: string, rate: unknown, example: string): void {
  if (typeof rate === "number" && rate >= 0 && rate < 1) return;
  const message = `${kind}: ${what} is ${show(rate)}; expected a number from 0 to less than 1`;
  throw new TabgradError("MODEL_INVALID", message, `Write, for example, ${example}.`);
}
