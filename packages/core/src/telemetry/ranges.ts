// Lists of indices, short: microbatches that a worker computes are neighbours as a rule.

/** The first index, and how many there are. */
export type IndexRange = readonly [first: number, count: number];

/** @param indices in any order; an index that is there twice is there twice in what comes out */
export function rangesOf(indices: Iterable<number>): IndexRange[] {
  const ranges: [number, number][] = [];
  for (const index of [...indices].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && index === last[0] + last[1]) last[1]++;
    else ranges.push([index, 1]);
  }
  return ranges;
}

export const indicesOf = (ranges: readonly IndexRange[]): number[] =>
  ranges.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
