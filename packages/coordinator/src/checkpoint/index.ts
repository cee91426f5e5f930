// Checkpoints: safetensors and a manifest, written beside and renamed.
export { checkpointFolder, type Manifest } from "./manifest.ts";
export { findCheckpoint, readCheckpoint, readWeights, type LoadedCheckpoint } from "./read.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";
export { CheckpointWriter } from "./writer.ts";
export { writeCheckpoint, type Snapshot, type WrittenCheckpoint } from "./write.ts";
