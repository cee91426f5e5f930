// Why the coordinator did what it did: data for the journal and the dashboard, and a sentence for people.
import type { MetricForm } from "../model/index.ts";
import { metricText } from "./values.ts";

export type Reason =
  | { readonly kind: "joined"; readonly worker: string; readonly workers: number }
  | { readonly kind: "left"; readonly worker: string; readonly why: string; readonly returned: number; readonly workers: number }
  | { readonly kind: "failed"; readonly worker: string; readonly why: string; readonly returned: number; readonly failures: number }
  | { readonly kind: "dismissed"; readonly worker: string; readonly failures: number }
  | { readonly kind: "discarded"; readonly worker: string; readonly why: string }
  /** A gradient that can't be right: it counts for nothing, its microbatches are computed again. `why` is a clause. */
  | { readonly kind: "refused"; readonly worker: string; readonly why: string; readonly returned: number }
  /** What it sent was refused again and again: it may not come back. */
  | { readonly kind: "quarantined"; readonly worker: string; readonly refusals: number; readonly returned: number }
  /** An idle worker computes what another one (`of`) is slow with, too; whichever is done first counts. `why` is a clause on it. */
  | {
      readonly kind: "duplicated";
      readonly worker: string;
      readonly of: string;
      readonly microbatches: number;
      readonly why: string;
    }
  | { readonly kind: "waiting"; readonly workers: number; readonly needed: number }
  | { readonly kind: "running"; readonly workers: number; readonly step: number }
  /** Microbatches of a step are shared out in another way than before; `why` is a clause. */
  | { readonly kind: "shared"; readonly shares: readonly WorkerMicrobatches[]; readonly microbatches: number; readonly why: string }
  /** Its tab is hidden: it is given less. */
  | { readonly kind: "background"; readonly worker: string; readonly why: string }
  | { readonly kind: "rested"; readonly worker: string; readonly why: string; readonly returned: number }
  | { readonly kind: "returned"; readonly worker: string }
  /** What somebody who holds the control token asked for. */
  | { readonly kind: "paused" }
  | { readonly kind: "resumed" }
  | { readonly kind: "learningRate"; readonly from: number; readonly to: number }
  | { readonly kind: "dropped"; readonly worker: string }
  /** Evaluations got no better: the learning rate is `scale` times that of the schedule from now on. */
  | ({ readonly kind: "plateau"; readonly scale: number } & Stagnation)
  /** Evaluations got no better: the run ends. */
  | ({ readonly kind: "stoppedEarly" } & Stagnation)
  /** In mixed precision: the gradient did not fit into f16, and the step is computed again with losses `scale` times as large. */
  | { readonly kind: "overflowed"; readonly step: number; readonly scale: number };

/** Evaluations in a row without a better one. */
export interface Stagnation {
  readonly metric: string;
  /** What the metric is, if it is no plain number. */
  readonly form?: MetricForm;
  /** The best value, and after which step it was found; null where there was none. */
  readonly best: number | null;
  readonly since: number;
  readonly evaluations: number;
}

/** Where a run is that does something after so many evaluations in a row without a better one. */
export interface Standing extends Stagnation {
  readonly patience: number;
}

export interface WorkerMicrobatches {
  readonly worker: string;
  readonly microbatches: number;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : noun.endsWith("ch") ? "es" : "s"}`;

const wentBack = (returned: number): string => (returned > 0 ? ` Its ${counted(returned, "microbatch")} went back.` : "");

const valueText = (value: number, form: MetricForm | undefined): string =>
  form === undefined ? String(Number(value.toPrecision(4))) : metricText(value, form);

/** "best accuracy 97.85 % at step 940, 2 of 5 evaluations without a better one" */
export function standingText({ metric, form, best, since, evaluations, patience }: Standing): string {
  if (best !== null && evaluations === 0) return `the best ${metric} so far`;
  const waited = `${evaluations} of ${counted(patience, "evaluation")} without a better one`;
  if (best === null) return `no ${metric} yet that is a number, ${waited}`;
  return `best ${metric} ${valueText(best, form)} at step ${since}, ${waited}`;
}

function stagnation({ metric, form, best, since, evaluations }: Stagnation): string {
  if (best === null) return `the ${metric} on held-out samples was never a number`;
  const value = valueText(best, form);
  return `the ${metric} on held-out samples got no better than ${value}, of step ${since}, in ${counted(evaluations, "evaluation")}`;
}

export function sentence(reason: Reason): string {
  switch (reason.kind) {
    case "joined":
      return `${reason.worker} joined; ${counted(reason.workers, "worker")} now.`;
    case "left":
      return `${reason.worker} left (${reason.why}); ${counted(reason.workers, "worker")} now.${wentBack(reason.returned)}`;
    case "failed":
      return `${reason.worker} could not do ${counted(reason.returned, "microbatch")}: ${reason.why}. They went back.`;
    case "dismissed":
      return `${reason.worker} was sent away after ${counted(reason.failures, "failure")} in a row.`;
    case "discarded":
      return `A contribution of ${reason.worker} was discarded: ${reason.why}.`;
    case "refused":
      return `A contribution of ${reason.worker} was refused: ${reason.why}.${wentBack(reason.returned)}`;
    case "quarantined":
      return `${reason.worker} was sent away for good after ${counted(reason.refusals, "refusal")}.${wentBack(reason.returned)}`;
    case "duplicated":
      return `${reason.worker} also computes ${counted(reason.microbatches, "microbatch")} of ${reason.of}, which ${reason.why}.`;
    case "waiting":
      return `Waiting for workers: ${reason.workers} here, ${reason.needed} needed.`;
    case "running":
      return `Computing step ${reason.step} with ${counted(reason.workers, "worker")}.`;
    case "shared": {
      const shares = reason.shares.map(({ worker, microbatches }) => `${worker} ${microbatches}`).join(", ");
      return `The ${counted(reason.microbatches, "microbatch")} of a step now go to ${shares}, since ${reason.why}.`;
    }
    case "background":
      return `${reason.worker} is in the background (${reason.why}) and gets less.`;
    case "rested":
      return `${reason.worker} rests (${reason.why}) and gets nothing until it is back.${wentBack(reason.returned)}`;
    case "returned":
      return `${reason.worker} is back and gets its full share.`;
    case "paused":
      return "The run was paused from the dashboard; what is being computed still counts.";
    case "resumed":
      return "The run was resumed from the dashboard.";
    case "learningRate":
      return `The learning rate was changed from ${reason.from} to ${reason.to} from the dashboard.`;
    case "dropped":
      return `${reason.worker} was sent away from the dashboard.`;
    case "plateau":
      return `The learning rate falls to ${Number(reason.scale.toPrecision(4))} times what it would be, since ${stagnation(reason)}.`;
    case "stoppedEarly":
      return `The run ends early, since ${stagnation(reason)}.`;
    case "overflowed":
      return `The gradient of step ${reason.step} was too large for f16; it is computed again with a loss scale of ${reason.scale}.`;
    default:
      return reason satisfies never;
  }
}
