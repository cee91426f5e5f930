// The ledger of one step: a fixed list of microbatches, each pending, assigned or done. A microbatch counts exactly once; that is
// all there is to joining, leaving and unequal devices. Pure values: every function returns a new ledger.
import { addSums, TreeSum, type Contribution, type Purpose } from "@tabgrad/core";

export type { Purpose };

export type MicrobatchState =
  | { readonly kind: "pending" }
  /** To one assignment, or to several of the same microbatches: whichever is there first is the one that counts. */
  | { readonly kind: "assigned"; readonly assignments: readonly number[] }
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
  /** What counted, in the order in which it came. */
  readonly parts: readonly LedgerPart[];
}

/** The sums over some of the microbatches. */
interface LedgerPart extends Totals {
  readonly microbatches: readonly number[];
}

const pending: MicrobatchState = { kind: "pending" };

export function openLedger(purpose: Purpose, step: number, version: number, samples: readonly number[]): Ledger {
  return {
    purpose,
    step,
    version,
    entries: samples.map((count, index) => ({ index, samples: count, state: pending })),
    parts: [],
  };
}

export const pendingMicrobatches = (ledger: Ledger): number[] =>
  ledger.entries.filter((entry) => entry.state.kind === "pending").map((entry) => entry.index);

export const isComplete = (ledger: Ledger): boolean => ledger.entries.every((entry) => entry.state.kind === "done");

/** The assignments that hold a microbatch. */
export function holders({ entries }: Ledger, microbatch: number): readonly number[] {
  const { state } = entries[microbatch];
  return state.kind === "assigned" ? state.assignments : [];
}

/** Gives these microbatches another state; the entries of the others stay the same objects. */
function change(ledger: Ledger, microbatches: readonly number[], next: (state: MicrobatchState) => MicrobatchState): Ledger {
  const entries = [...ledger.entries];
  for (const index of microbatches) {
    const { samples, state } = entries[index];
    entries[index] = { index, samples, state: next(state) };
  }
  return { ...ledger, entries };
}

/** Gives microbatches that are not done to an assignment, beside those that hold them. */
export const assign = (ledger: Ledger, microbatches: readonly number[], assignment: number): Ledger =>
  change(ledger, microbatches, (state) => {
    if (state.kind === "done") return state;
    return { kind: "assigned", assignments: state.kind === "assigned" ? [...state.assignments, assignment] : [assignment] };
  });

/** Takes microbatches from an assignment; those that no other one holds are pending again. */
export const release = (ledger: Ledger, microbatches: readonly number[], assignment: number): Ledger =>
  change(ledger, microbatches, (state) => {
    if (state.kind !== "assigned") return state;
    const rest = state.assignments.filter((one) => one !== assignment);
    return rest.length > 0 ? { kind: "assigned", assignments: rest } : pending;
  });

/** What a worker says it computed: its contribution without the tensor. */
export interface Claim extends Omit<Contribution, "type" | "timings"> {
  /** Milliseconds it says it computed. */
  readonly computeMs: number;
}

/**
 * Why a claim can't be counted, or undefined if it can: it must be for this step and version, for the microbatches of its assignment,
 * all of them, and for as many samples as they have.
 */
export function objection(
  ledger: Ledger,
  claim: Claim,
  held: { readonly microbatches: readonly number[]; readonly samples: number },
): string | undefined {
  if (claim.step !== ledger.step || claim.version !== ledger.version) {
    return `it is for step ${claim.step} at version ${claim.version}, the ledger is at step ${ledger.step} and version ${ledger.version}`;
  }
  if (!isSame(claim.microbatches, held.microbatches)) return "it is for other microbatches than its assignment's";
  return claim.samples === held.samples
    ? undefined
    : `it sums ${claim.samples} samples where its microbatches have ${held.samples}`;
}

export const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((index, i) => index === b[i]);

/** Counts a claim that has no objection. */
export function count(ledger: Ledger, claim: Claim, worker: string): Ledger {
  const { microbatches, samples, lossSum, metricSums } = claim;
  return {
    ...change(ledger, microbatches, () => ({ kind: "done", worker })),
    parts: [...ledger.parts, { microbatches, samples, lossSum, metricSums }],
  };
}

/**
 * The sums over a complete ledger.
 * @param exact along the fixed tree, so that their bits do not depend on who sent which part, nor when; each part is a block of it then
 */
export function totalsOf({ parts, entries }: Ledger, exact: boolean): Totals {
  if (!exact) return parts.reduce(addSums, { samples: 0, lossSum: 0, metricSums: parts[0].metricSums.map(() => 0) });
  const tree = new TreeSum<Totals>(entries.length, addSums);
  for (const { microbatches, ...sums } of parts) {
    tree.add({ first: microbatches[0], end: microbatches[microbatches.length - 1] + 1 }, sums);
  }
  return tree.take();
}
