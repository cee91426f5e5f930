// The ledger of one step: a fixed list of microbatches, each pending, assigned or done. A microbatch counts exactly once; that is
// all there is to joining, leaving and unequal devices. Pure values: every function returns a new ledger.
import type { Contribution, Purpose } from "@tabgrad/core";

export type { Purpose };

export type MicrobatchState =
  | { readonly kind: "pending" }
  | { readonly kind: "assigned"; readonly assignment: number }
  | { readonly kind: "done"; readonly worker: string };

export interface LedgerEntry {
  /** The microbatch's index within the step. */
  readonly index: number;
  readonly samples: number;
  readonly state: MicrobatchState;
}

/** Sums over the samples of all microbatches that are done. */
export interface Totals {
  readonly samples: number;
  readonly lossSum: number;
  readonly metricSums: readonly number[];
}

export interface Ledger {
  readonly purpose: Purpose;
  /** Training: the step that is being computed, from 1. Evaluation: the steps taken before it. */
  readonly step: number;
  /** The parameter version that everything in it is computed with. */
  readonly version: number;
  readonly entries: readonly LedgerEntry[];
  readonly totals: Totals;
}

const pending: MicrobatchState = { kind: "pending" };

export function openLedger(purpose: Purpose, step: number, version: number, samples: readonly number[]): Ledger {
  return {
    purpose,
    step,
    version,
    entries: samples.map((count, index) => ({ index, samples: count, state: pending })),
    totals: { samples: 0, lossSum: 0, metricSums: [] },
  };
}

export const pendingMicrobatches = (ledger: Ledger): number[] =>
  ledger.entries.filter((entry) => entry.state.kind === "pending").map((entry) => entry.index);

export const isComplete = (ledger: Ledger): boolean => ledger.entries.every((entry) => entry.state.kind === "done");

const change = (ledger: Ledger, next: (entry: LedgerEntry) => MicrobatchState): Ledger => ({
  ...ledger,
  entries: ledger.entries.map((entry) => ({ ...entry, state: next(entry) })),
});

/** Gives pending microbatches to an assignment. */
export function assign(ledger: Ledger, microbatches: readonly number[], assignment: number): Ledger {
  const taken = new Set(microbatches);
  return change(ledger, (entry) =>
    taken.has(entry.index) && entry.state.kind === "pending" ? { kind: "assigned", assignment } : entry.state,
  );
}

/** Puts back what an assignment still holds. */
export const release = (ledger: Ledger, assignment: number): Ledger =>
  change(ledger, (entry) => (entry.state.kind === "assigned" && entry.state.assignment === assignment ? pending : entry.state));

/** What a worker says it computed: its contribution without the tensor. */
export interface Claim extends Omit<Contribution, "type" | "timings"> {
  /** Milliseconds it says it computed. */
  readonly computeMs: number;
}

/**
 * Why a claim can't be counted, or undefined if it can: it must be for this step and version, for microbatches that this very
 * assignment holds, and its number of samples must be theirs.
 */
export function objection(ledger: Ledger, claim: Claim): string | undefined {
  if (claim.step !== ledger.step || claim.version !== ledger.version) {
    return `it is for step ${claim.step} at version ${claim.version}, the ledger is at step ${ledger.step} and version ${ledger.version}`;
  }
  const wanted = new Set(claim.microbatches);
  const held = ledger.entries.filter(
    ({ index, state }) => wanted.has(index) && state.kind === "assigned" && state.assignment === claim.assignment,
  );
  if (held.length !== claim.microbatches.length || held.length === 0)
    return "it is for microbatches that its assignment does not hold";
  const samples = held.reduce((total, entry) => total + entry.samples, 0);
  return samples === claim.samples ? undefined : `it sums ${claim.samples} samples where its microbatches have ${samples}`;
}

/** Counts a claim that has no objection. */
export function count(ledger: Ledger, claim: Claim, worker: string): Ledger {
  const done = new Set(claim.microbatches);
  const { totals } = ledger;
  return {
    ...change(ledger, (entry) => (done.has(entry.index) ? { kind: "done", worker } : entry.state)),
    totals: {
      samples: totals.samples + claim.samples,
      lossSum: totals.lossSum + claim.lossSum,
      metricSums: claim.metricSums.map((sum, i) => sum + (totals.metricSums[i] ?? 0)),
    },
  };
}
