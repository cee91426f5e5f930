// What a run keeps in mind of its evaluations: the best one so far, and for how many there was no better. A falling learning rate and
// an early end go by that.
import { percent, type Criterion, type EvaluationEvent, type MetricForm } from "@tabgrad/core";
import type { Totals } from "./ledger.ts";
import type { Turn } from "./turn.ts";

/** What to look for in evaluations. */
export interface Watch extends Criterion {
  /** What an evaluation found of it. */
  readonly value: (totals: Totals) => number;
  /** What the metric is, for people. */
  readonly form?: MetricForm;
  /** Evaluations in a row without a better one until something happens. */
  readonly patience: number;
  /** A better one is so by more than this. */
  readonly minimumDelta: number;
}

/** Watches for a plateau, on which the learning rate falls. */
export interface PlateauWatch extends Watch {
  readonly factor: number;
  /** The least that is left of the rate, as a share. */
  readonly minimum: number;
}

export interface Progress {
  /** Of the best evaluation; undefined before the first. */
  readonly best?: number;
  /** When that was. */
  readonly step: number;
  /** Evaluations since. */
  readonly waited: number;
}

/** All of it: it changes with evaluations alone. */
export interface Watched {
  /** `scale`: what is left of the learning rate, as a share. */
  readonly plateau: Progress & { readonly scale: number };
  readonly stopping: Progress;
}

const nothing: Progress = { step: 0, waited: 0 };
export const nothingWatched: Watched = { plateau: { ...nothing, scale: 1 }, stopping: nothing };

/** An evaluation is there. */
export function watch(turn: Turn, step: number, totals: Totals): void {
  const { plateau, stopEarly } = turn.plan;
  let { watched } = turn.state;
  if (stopEarly) watched = { ...watched, stopping: after(stopEarly, watched.stopping, step, totals) };
  if (plateau) {
    const next = { ...watched.plateau, ...after(plateau, watched.plateau, step, totals) };
    const isDue = next.waited >= plateau.patience;
    const scale = isDue ? Math.max(next.scale * plateau.factor, plateau.minimum) : next.scale;
    if (scale !== next.scale) turn.reasons.push({ kind: "plateau", ...told(plateau, next), scale });
    watched = { ...watched, plateau: { ...next, scale, waited: isDue ? 0 : next.waited } };
  }
  turn.set({ watched });
}

function after(watch: Watch, before: Progress, step: number, totals: Totals): Progress {
  const value = watch.value(totals);
  const gain = before.best === undefined ? Infinity : watch.direction === "lowest" ? before.best - value : value - before.best;
  if (Number.isFinite(value) && gain > watch.minimumDelta) return { best: value, step, waited: 0 };
  return { ...before, waited: before.waited + 1 };
}

/** How far the run is from doing something about its evaluations; empty where it never does. */
export type Standings = Pick<EvaluationEvent, "stopEarly" | "plateau">;

export function standings({ plan: { stopEarly, plateau }, state: { watched } }: Turn): Standings {
  return {
    ...(stopEarly && { stopEarly: { ...told(stopEarly, watched.stopping), patience: stopEarly.patience } }),
    ...(plateau && { plateau: { ...told(plateau, watched.plateau), patience: plateau.patience } }),
  };
}

/** Whether the run is to end early, and says so. */
export function hasToStop(turn: Turn): string | undefined {
  const { stopEarly } = turn.plan;
  const { stopping } = turn.state.watched;
  if (!stopEarly || stopping.waited < stopEarly.patience) return undefined;
  const stagnation = told(stopEarly, stopping);
  turn.reasons.push({ kind: "stoppedEarly", ...stagnation });
  const { metric, form, best, since } = stagnation;
  const what = `stopped early: ${metric} on held-out samples`;
  if (best === null) return `${what} was never a number`;
  return `${what} has got no better than ${form === "share" ? percent(best) : Number(best.toPrecision(5))} since step ${since}`;
}

const told = ({ metric, form }: Watch, { best, step, waited }: Progress) => ({
  metric,
  ...(form && { form }),
  best: best ?? null,
  since: step,
  evaluations: waited,
});
