// In mixed precision, what losses are multiplied with, so that small gradients are not lost in f16: as large as gradients stay finite.
// It changes as in PyTorch's GradScaler, except that a step whose gradient overflows is computed again with half the scale, not left
// out: every sample counts.
import { openLedger, type Claim } from "./ledger.ts";
import type { RunState } from "./state.ts";
import { suspectOf } from "./suspicion.ts";
import type { Turn } from "./turn.ts";
import { atWork, type WorkerRecord } from "./workers.ts";

export interface LossScale {
  /** A power of two, from 1 to 2^32. */
  readonly scale: number;
  /** Steps in a row without an overflow. */
  readonly finiteSteps: number;
}

export const initialLossScale: LossScale = { scale: 2 ** 16, finiteSteps: 0 };

/** So many steps without an overflow, and twice the scale is tried. */
const growthInterval = 2000;
const largest = 2 ** 32;

export function afterFiniteStep({ scale, finiteSteps }: LossScale): LossScale {
  if (finiteSteps + 1 < growthInterval) return { scale, finiteSteps: finiteSteps + 1 };
  return { scale: Math.min(2 * scale, largest), finiteSteps: 0 };
}

/**
 * Whether a gradient that is not finite may be so for the scale alone: with a finite loss, and while there is a smaller scale to try.
 * After that it is as wrong as in float32.
 */
export const mayOverflow = ({ lossScale }: RunState, { lossSum }: Claim): boolean =>
  lossScale !== undefined && lossScale.scale > 1 && Number.isFinite(lossSum);

/** Whether it is so: somebody else found an overflow in this step, too, or nobody else is there to be asked. */
export function isOverflow({ state }: Turn, { workerId }: WorkerRecord): boolean {
  const others = (other: { readonly workerId: string }): boolean => other.workerId !== workerId;
  return state.suspects.some((suspect) => suspect.fault === "overflow" && others(suspect)) || !atWork(state.workers).some(others);
}

/** Waits for another worker's opinion on these microbatches. Nobody is blamed for that. */
export function suspectOverflow(turn: Turn, { id: worker, workerId }: WorkerRecord, { assignment, microbatches }: Claim): void {
  const { suspects } = turn.state;
  const rest = suspects.filter((one) => one !== suspectOf(turn.state, microbatches));
  turn.set({ suspects: [...rest, { microbatches, worker, workerId, fault: "overflow", norm: NaN }] });
  turn.close(assignment);
}

/** Begins the open step anew, with half the scale. What was handed out for it is nobody's fault and of no use. */
export function backOff(turn: Turn): void {
  const { ledger, lossScale } = turn.state;
  const { step, version } = ledger!;
  for (const id of turn.state.assignments.keys()) turn.recall(id);
  const scale = lossScale!.scale / 2;
  turn.set({
    ledger: openLedger("train", step, version, turn.plan.stepSamples(step)),
    lossScale: { scale, finiteSteps: 0 },
    suspects: [],
    undisturbedSince: undefined,
  });
  turn.actions.push({ kind: "startOver", step });
  turn.reasons.push({ kind: "overflowed", step, scale });
}
