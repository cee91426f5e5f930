// @tabgrad/data: from what a run file names to a description and the bytes of the shards.
export { fingerprint } from "./fingerprint.ts";
export { type Dataset, openDataset, type OpenOptions } from "./open.ts";
export { MemoryShardStore, shardHash, type ShardStore } from "./store.ts";
