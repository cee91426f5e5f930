// The state that a run goes on with which was begun by a coordinator that is gone.
import type { LossScale } from "./loss-scale.ts";
import { openLedger } from "./ledger.ts";
import { Versions } from "./versions.ts";
import type { Watched } from "./watched.ts";
import { initialState, type LearningRateChange, type RunPlan, type RunState } from "./state.ts";

export interface ResumePoint {
  /** Steps taken. */
  readonly step: number;
  /** Of the coming steps, when the checkpoint was taken. */
  readonly learningRate: number;
  /** What people changed after that: in order, none before `step`. */
  readonly learningRateChanges: readonly LearningRateChange[];
  readonly watched: Watched;
  /** Where losses are scaled; without it that begins anew. */
  readonly lossScale?: LossScale;
  /** Whether the parameters of that step were measured on the held-out samples. */
  readonly isEvaluated: boolean;
}

/** A checkpoint is older than the evaluation of its step: if one was due, it comes first. */
export function resumedState(plan: RunPlan, point: ResumePoint): RunState {
  const { step, isEvaluated, watched, lossScale, learningRateChanges: changes } = point;
  const learningRate = changes.findLast((change) => change.step === step)?.to ?? point.learningRate;
  const learningRateChanges = changes.filter((change) => change.step > step);
  const begun = { ...initialState({ ...plan, learningRate }), step, watched, learningRateChanges };
  const state = plan.scalesLoss && lossScale ? { ...begun, lossScale } : begun;
  const isDue = step > 0 && !isEvaluated && plan.evaluationSamples.length > 0 && (step === plan.steps || plan.evaluateAfter(step));
  return isDue
    ? {
        ...state,
        ledger: openLedger("evaluate", step, new Versions(plan.averages ?? false).of("evaluate", step), plan.evaluationSamples),
      }
    : state;
}
