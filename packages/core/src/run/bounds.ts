// The largest numbers that a run file may state; beyond them a mistake is likelier than a wish.
export const runBounds = {
  /** Samples of a microbatch, as in proto/tabgrad.proto. */
  microbatch: 65_536,
  /** Samples of a step. */
  batch: 2 ** 24,
  /** Steps are 32-bit numbers on the wire. */
  steps: 2 ** 32 - 1,
  /** Seeds are words of the keyed generator. */
  seed: 2 ** 32 - 1,
} as const;
