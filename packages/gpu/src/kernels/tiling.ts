// How a product is cut into tiles: large ones, whose threads read little for what they compute, where the device has enough to do with
// them, else small ones; and k into parts where results are few.

export interface Tiling {
  /** Rows and columns of results of a workgroup. */
  readonly side: 32 | 64;
  /** How much of k passes through workgroup memory at once. */
  readonly depth: 16 | 32;
  /** Of k, computed side by side. */
  readonly parts: number;
  /** Of k in one part: a multiple of the depth. */
  readonly partLength: number;
}

/** Each thread brings one block of 4 × 4 of each operand at a time. */
const large = { side: 64, depth: 16 } as const;
const small = { side: 32, depth: 32 } as const;

/** Fewer workgroups leave a large device idle: smaller tiles are taken, and k is cut up, into parts no shorter than this. */
const enoughGroups = 512;
const shortestPart = 128;
/** Parts that are worth the memory that they take, and another dispatch that adds them. */
const fewestParts = 3;
/** What large tiles may compute in vain, at the edges, as a multiple of what the smallest ones compute. */
const most = 1.25;

export function tilingOf({ m, n, k, matrices }: { m: number; n: number; k: number; matrices: number }): Tiling {
  const groups = (side: number): number => Math.ceil(m / side) * Math.ceil(n / side) * matrices;
  const computed = (side: number): number => groups(side) * side * side;
  const mostParts = Math.max(1, Math.floor(k / shortestPart));
  const spacious = groups(large.side) * mostParts >= enoughGroups && computed(large.side) <= most * computed(small.side);
  const tile = spacious ? large : small;
  const wanted = Math.min(Math.floor(enoughGroups / groups(tile.side)), mostParts);
  const partLength = Math.ceil(k / (wanted < fewestParts ? 1 : wanted) / tile.depth) * tile.depth;
  return { ...tile, parts: Math.ceil(k / partLength), partLength };
}
