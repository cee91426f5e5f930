// @tabgrad/data: from what a run file names to a description and the bytes of the shards.
export { cacheFolder } from "./cache/folder.ts";
export type { LocalFile } from "./files/byte-reader.ts";
export { makeFolders } from "./files/make-folders.ts";
export { resolveDataPath } from "./files/path.ts";
export { type InputBlock, type InputOptions, readInputs } from "./inputs/read.ts";
export { openDataset, type OpenOptions } from "./open.ts";
export type { DataProgress, OnProgress } from "./progress.ts";
export type { Dataset } from "./shards/dataset.ts";
export { fingerprint } from "./shards/fingerprint.ts";
export { MemoryShardStore, shardHash, type ShardStore } from "./shards/store.ts";
