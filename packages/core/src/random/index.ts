// Keyed randomness, for everything in a run that is left to chance.
export { KeyedRandom, keyed } from "./keyed.ts";
export { type RandomPurpose, randomPurposes } from "./purposes.ts";
export { threefry2x32 } from "./threefry.ts";
