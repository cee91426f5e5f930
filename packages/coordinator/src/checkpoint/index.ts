// Checkpoints: safetensors and a manifest, written beside and renamed.
export { manifestFile, type AnyManifest, type Evaluation, type Manifest } from "./manifest.ts";
export { checkpointFolder, damagedFolder, folderContent, type FolderContent, type StoredCheckpoint } from "./names.ts";
export { findCheckpoint, readCheckpoint, readManifest, readWeights, weightsSha256, type LoadedCheckpoint } from "./read.ts";
export { bestOf, surplus, type Retained } from "./retention.ts";
export { readSafetensors, type SafetensorsFile } from "./read-safetensors.ts";
export { decodeSafetensors, encodeSafetensors, type NamedTensor, type TensorEntry } from "./safetensors.ts";
export { verifyFiles, type FileCheck } from "./verify.ts";
export { CheckpointWriter, type StoredManifest } from "./writer.ts";
export { takeSnapshot, writeCheckpoint, type ManifestFacts, type Snapshot, type WrittenCheckpoint } from "./write.ts";
