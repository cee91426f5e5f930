// What random numbers are for. A purpose is part of the key, so that no two uses of one seed ever see the same numbers.

/** The closed list of purposes and their numbers. Never renumber one: the same seed would then give another run. */
export const randomPurposes = {
  /** The order of the samples before they are cut into shards, and which of them are held out. */
  split: 1,
  /** The order of the shards within an epoch. */
  shuffleShards: 2,
  /** The order of the samples within a shard, within an epoch. */
  shuffleSamples: 3,
  /** The initial parameters. */
  initialise: 4,
  /** The masks of dropout. */
  dropout: 5,
  /** Random changes to samples (crop, flip, shift). */
  augment: 6,
  /** Choices that a person never sees in a result: which samples to show, what a test draws. */
  sample: 7,
} as const;

export type RandomPurpose = keyof typeof randomPurposes;
