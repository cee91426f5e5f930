// The value that a part of the values lies below.

/** @param part 0.5 for the median. 0 where there are no values. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.at(Math.min(sorted.length - 1, Math.floor(part * sorted.length))) ?? 0;
}
