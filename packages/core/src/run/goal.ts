// What "better" means in a run: a metric on the held-out samples, and which of its values are good.
import { closest } from "../closest.ts";
import { TabgradError } from "../errors.ts";
import type { Direction, ScheduleSettings } from "../optimizer/schedule.ts";

export interface Goal {
  /** "loss", or the name of one of the run's metrics. Default: "loss". */
  readonly metric?: string;
  /** Default: lowest for losses, errors and perplexity, highest for anything else. */
  readonly direction?: Direction;
}

/** When to end a run before its time. */
export interface StopEarly extends Goal {
  /** After how many evaluations in a row without a better one. */
  readonly patience: number;
  /** An evaluation is better if it is so by more than this. Default: 0. */
  readonly minimumDelta?: number;
}

/** A goal with everything stated. */
export type Criterion = Required<Goal>;

/** What a run says of goals, its schedule among them. */
export interface Goals {
  readonly goal?: Goal;
  readonly stopEarly?: StopEarly;
  readonly schedule?: ScheduleSettings;
  readonly evaluateEvery: unknown;
}

/** @param own what is said in one place; what it leaves open, the run's goal says, as long as both are about the same metric */
export function criterionOf(own: Goal, goal: Goal = {}): Criterion {
  const metric = own.metric ?? goal.metric ?? "loss";
  const inherited = metric === (goal.metric ?? "loss") ? goal.direction : undefined;
  return { metric, direction: own.direction ?? inherited ?? usualDirection(metric) };
}

const usualDirection = (metric: string): Direction => (/loss|entropy|error|perplexity|huber/i.test(metric) ? "lowest" : "highest");

/**
 * @param metrics the run's, without the loss
 * @param heldOut how many samples are held out, where that is known
 * @throws TabgradError RUN_FILE_INVALID where a metric is none of the run's, or where nothing is ever measured
 */
export function checkGoals(
  { goal, stopEarly, schedule, evaluateEvery }: Goals,
  metrics: readonly string[],
  heldOut?: number,
): void {
  const plateau = schedule?.kind === "reduceOnPlateau" ? schedule : undefined;
  const known = ["loss", ...metrics];
  for (const [path, metric] of [
    ["goal", goal?.metric],
    ["stopEarly", stopEarly?.metric],
    ["schedule", plateau?.metric],
  ] as const) {
    if (metric === undefined || known.includes(metric)) continue;
    const meant = closest(metric, known);
    throw new TabgradError(
      "RUN_FILE_INVALID",
      `${path}.metric: the run has no metric ${metric}; ${meant ? `did you mean ${meant}?` : `there are ${known.join(", ")}`}`,
      "Name one of these, or add it to the run's metrics.",
    );
  }
  const path = stopEarly ? "stopEarly" : plateau ? "schedule" : undefined;
  if (path === undefined) return;
  const lack = heldOut === 0 ? "the data has no held-out samples" : evaluateEvery === "end" && 'evaluateEvery is "end"';
  if (lack) {
    throw new TabgradError(
      "RUN_FILE_INVALID",
      `${path}: it goes by evaluations on the way, and there are none, since ${lack}`,
      "Hold samples out, for example with test: { fraction: 0.1 }, and evaluate every epoch.",
    );
  }
}
