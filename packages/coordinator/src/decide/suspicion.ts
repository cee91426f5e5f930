// Whether a gradient can be believed: it must be finite, and about as long as its peers. What is refused is computed once more, by
// somebody else where that can be; what two find alike is so.
import { isSame } from "./ledger.ts";
import type { RunState } from "./state.ts";

export type Fault = "notFinite" | "outlandish";

/** Microbatches of which a contribution was refused, until one of them counts. */
export interface Suspect {
  readonly microbatches: readonly number[];
  /** Who sent it: the connection, and what the worker calls itself. */
  readonly worker: string;
  readonly workerId: string;
  /** "overflow": in mixed precision, of f16, as long as it is not known whether it is that. */
  readonly fault: Fault | "overflow";
  /** Logarithm of the norm per sample. */
  readonly norm: number;
}

/** Contributions to compare with; and how many there must be. */
const window = 64;
const leastPeers = 16;

/**
 * How far from the median the logarithm of a norm may be: eight standard deviations, estimated from the median absolute deviation, and
 * a factor of 20 in any case. Where noise rules a gradient, its mean over 1 microbatch is 16 times as long as over 256: shares may
 * differ so much. A flipped exponent bit, a wrong scale or another model's gradient is off by far more.
 */
const deviations = 8;
const leastDistance = Math.log(20);
/** The standard deviation of a normal distribution is so many median absolute deviations. */
const perDeviation = 1.4826;

/** Relative difference of two norms that are the same but for the order of additions and the kind of engine. */
const alike = 0.05;

/** The smallest logarithm: of a gradient of zeros, say. */
const leastNorm = Math.log(Number.MIN_VALUE);

/** Logarithm of the norm per sample; NaN where the gradient or the loss is not finite. */
export function normOf({ samples, lossSum }: { samples: number; lossSum: number }, squaredNorm: number): number {
  if (!Number.isFinite(lossSum) || !Number.isFinite(squaredNorm)) return NaN;
  return Math.max(leastNorm, 0.5 * Math.log(squaredNorm) - Math.log(samples));
}

export function faultOf({ norms }: RunState, norm: number): Fault | undefined {
  if (Number.isNaN(norm)) return "notFinite";
  if (norms.length < leastPeers) return undefined;
  // The median is among them: as a rule there is nothing to sort.
  if (norms.every((other) => Math.abs(norm - other) <= leastDistance)) return undefined;
  const middle = median(norms);
  const spread = perDeviation * median(norms.map((other) => Math.abs(other - middle)));
  return Math.abs(norm - middle) > Math.max(leastDistance, deviations * spread) ? "outlandish" : undefined;
}

/** By which factor a norm is from the median of its peers'. */
export const factorOf = ({ norms }: RunState, norm: number): number => Math.exp(norm - median(norms));

export const withNorm = (norms: readonly number[], norm: number): readonly number[] => [...norms.slice(1 - window), norm];

export const suspectOf = ({ suspects }: RunState, microbatches: readonly number[]): Suspect | undefined =>
  suspects.find((suspect) => isSame(suspect.microbatches, microbatches));

/** Whether a second opinion is the same as the first. */
export const confirms = (suspect: Suspect, fault: Fault, norm: number): boolean =>
  fault === suspect.fault && (fault === "notFinite" || Math.abs(norm - suspect.norm) <= alike);

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
