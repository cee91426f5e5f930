// A process that opens a dataset on disk and tells its parent how far it is, to be killed. Started by disk.test.ts.
import type { DataSpec } from "@tabgrad/core";
import { openDataset } from "../src/index.ts";

process.once("message", (options: { spec: DataSpec; folder: string; cache: string; memory: number }) => {
  const { spec, folder, cache, memory } = options;
  const onProgress = (progress: unknown): void => void process.send!(progress);
  void openDataset(spec, { baseDirectory: folder, seed: 1, cache, memory, onProgress }).then(async (dataset) => {
    await dataset.close();
    process.disconnect();
  });
});
