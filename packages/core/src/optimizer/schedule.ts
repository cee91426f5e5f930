// Schedules: how the learning rate changes over a run. Each is plain data, and a function from the number of a step to a factor of the
// optimizer's learning rate.
import { z } from "zod";
import { tagged } from "../tagged.ts";
import { notNegative, positive } from "./settings.ts";

/** A stretch of a run. */
export type Span = { readonly epochs: number } | { readonly steps: number };

export interface WarmUpOptions {
  /**
   * The rate rises evenly in so many steps, from nearly 0 to the full rate of the step after them; the schedule begins there. Goyal et
   * al. 2017, "Accurate, large minibatch SGD", §2.2. Default: none.
   */
  readonly warmUp?: Span;
}

export interface DecayOptions extends WarmUpOptions {
  /** What the rate falls to by the end of the run, as a share of the full rate, from 0 to 1. Default: 0. */
  readonly minimum?: number;
}

export interface StepDecayOptions extends WarmUpOptions {
  /** How often the rate falls. */
  readonly every: Span;
  /** What it is multiplied with then, above 0. Default: 0.1. */
  readonly factor?: number;
}

export interface OneCycleOptions {
  /** The share of the run's steps in which the rate rises, above 0 and below 1. Default: 0.3. */
  readonly rise?: number;
  /** The rate of the first step, as a share of the full rate. Default: 0.04. */
  readonly initial?: number;
  /** The rate of the last step, as a share of the full rate. Default: 0.000004. */
  readonly final?: number;
}

export interface ReduceOnPlateauOptions extends WarmUpOptions {
  /** How many evaluations in a row have to pass without a better one. Default: 3. */
  readonly patience?: number;
  /** What the rate is multiplied with then, above 0 and below 1. Default: 0.1. */
  readonly factor?: number;
  /** An evaluation is better if it is so by more than this. Default: 0. */
  readonly minimumDelta?: number;
  /** The rate falls no further than to this share of the full rate. Default: 0. */
  readonly minimum?: number;
  /** What to go by. Default: the run's `goal`. */
  readonly metric?: string;
  readonly direction?: Direction;
}

/** Which values of a metric are good. */
export type Direction = "lowest" | "highest";

export type ScheduleSpec =
  | (WarmUpOptions & { readonly kind: "constantRate" })
  | (StepDecayOptions & { readonly kind: "stepDecay" })
  | (DecayOptions & { readonly kind: "linearDecay" })
  | (DecayOptions & { readonly kind: "cosineDecay" })
  | (OneCycleOptions & { readonly kind: "oneCycle" })
  | (ReduceOnPlateauOptions & { readonly kind: "reduceOnPlateau" });

/** The same rate all the time: for a warm-up alone. */
export const constantRate = (options: WarmUpOptions = {}): ScheduleSpec =>
  tagged("constantRate", options, "{ warmUp: { steps: 100 } }");

/** The rate falls by a factor every so often. */
export const stepDecay = (options: StepDecayOptions): ScheduleSpec => tagged("stepDecay", options, "{ every: { epochs: 10 } }");

/** The rate falls evenly over the run. */
export const linearDecay = (options: DecayOptions = {}): ScheduleSpec => tagged("linearDecay", options, "{ minimum: 0.1 }");

/**
 * The rate falls along half a cosine over the run: minimum + (1 − minimum)(1 + cos πp) / 2 at the share p of the steps after the
 * warm-up. Loshchilov & Hutter 2017, "SGDR: Stochastic gradient descent with warm restarts", equation 5, without restarts.
 */
export const cosineDecay = (options: DecayOptions = {}): ScheduleSpec => tagged("cosineDecay", options, "{ minimum: 0.1 }");

/**
 * The rate rises from `initial` to the full rate and falls to `final`, along half a cosine each. Smith & Topin 2018, "Super-convergence:
 * Very fast training of neural networks using large learning rates", in the form of PyTorch's `OneCycleLR`; the momentum stays as it is.
 */
export const oneCycle = (options: OneCycleOptions = {}): ScheduleSpec => tagged("oneCycle", options, "{ rise: 0.3 }");

/** The rate falls by a factor when evaluations on held-out samples get no better. */
export const reduceOnPlateau = (options: ReduceOnPlateauOptions = {}): ScheduleSpec =>
  tagged("reduceOnPlateau", options, "{ patience: 3 }");

const wholeError = "expected a whole number from 1";
export const whole = z.int({ error: wholeError }).min(1, { error: wholeError });
const spanError = "expected { epochs: N } or { steps: N }";
const span = z
  .strictObject(
    { epochs: whole.optional(), steps: whole.optional() },
    { error: (issue) => (issue.code === "invalid_type" ? spanError : undefined) },
  )
  .refine((value) => Object.keys(value).length === 1, { error: spanError }) as unknown as z.ZodType<Span, Span>;

const share = z
  .number({ error: "expected a number from 0 to 1" })
  .min(0, { error: "expected a number from 0 to 1" })
  .max(1, { error: "expected a number from 0 to 1" });
const partOf = z
  .number({ error: "expected a number above 0 and below 1" })
  .gt(0, { error: "expected a number above 0 and below 1" })
  .lt(1, { error: "expected a number above 0 and below 1" });
const warmUp = span.optional();

/** What a run file may say of a metric to go by. */
export const criterionShape = {
  metric: z.string({ error: "expected the name of a metric, or loss" }).optional(),
  direction: z.enum(["lowest", "highest"], { error: 'expected "lowest" or "highest"' }).optional(),
};

/** Checks the `schedule` of a run file and fills in the defaults. */
export const scheduleSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("constantRate"), warmUp }),
    z.strictObject({ kind: z.literal("stepDecay"), every: span, factor: positive.default(0.1), warmUp }),
    z.strictObject({ kind: z.literal("linearDecay"), minimum: share.default(0), warmUp }),
    z.strictObject({ kind: z.literal("cosineDecay"), minimum: share.default(0), warmUp }),
    z.strictObject({
      kind: z.literal("oneCycle"),
      rise: partOf.default(0.3),
      initial: share.default(0.04),
      final: share.default(4e-6),
    }),
    z.strictObject({
      kind: z.literal("reduceOnPlateau"),
      patience: whole.default(3),
      factor: partOf.default(0.1),
      minimumDelta: notNegative.default(0),
      minimum: share.default(0),
      ...criterionShape,
      warmUp,
    }),
  ],
  {
    error:
      "expected a schedule made by constantRate, stepDecay, linearDecay, cosineDecay, oneCycle or reduceOnPlateau, such as cosineDecay({ … })",
  },
) satisfies z.ZodType<ScheduleSpec, ScheduleSpec>;

/** A schedule with every setting stated. */
export type ScheduleSettings = z.output<typeof scheduleSchema>;

/** How long the run is that a schedule spans. */
export interface RunLength {
  readonly steps: number;
  readonly stepsPerEpoch: number;
}

/**
 * What the schedule multiplies the learning rate with in each step, from step 1 on. Of `reduceOnPlateau`, this is the warm-up alone: the
 * rest depends on evaluations.
 */
export function rateFactors(schedule: ScheduleSettings | undefined, length: RunLength): (step: number) => number {
  if (!schedule) return () => 1;
  if (schedule.kind === "oneCycle") return (step) => oneCycleFactor(schedule, length.steps, step);
  const inSteps = (given: Span): number => ("steps" in given ? given.steps : given.epochs * length.stepsPerEpoch);
  const warmUpSteps = schedule.warmUp ? inSteps(schedule.warmUp) : 0;
  const rest = Math.max(1, length.steps - warmUpSteps);
  return (step) => {
    if (step <= warmUpSteps) return step / (warmUpSteps + 1);
    const taken = step - warmUpSteps - 1;
    switch (schedule.kind) {
      case "constantRate":
      case "reduceOnPlateau":
        return 1;
      case "stepDecay":
        return schedule.factor ** Math.floor(taken / inSteps(schedule.every));
      case "linearDecay":
        return between(1, schedule.minimum, taken / rest);
      case "cosineDecay":
        return halfCosine(1, schedule.minimum, taken / rest);
      default:
        return schedule satisfies never;
    }
  };
}

type OneCycle = Extract<ScheduleSettings, { kind: "oneCycle" }>;

function oneCycleFactor({ rise, initial, final }: OneCycle, steps: number, step: number): number {
  const top = rise * steps - 1;
  const taken = step - 1;
  if (taken <= top) return halfCosine(initial, 1, top > 0 ? taken / top : 1);
  const last = steps - 1;
  return halfCosine(1, final, last > top ? (taken - Math.max(top, 0)) / (last - Math.max(top, 0) || 1) : 1);
}

const between = (from: number, to: number, part: number): number => from + (to - from) * part;
const halfCosine = (from: number, to: number, part: number): number => to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
