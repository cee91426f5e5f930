// Checkpoints of real runs for the tests of what reads them: resolved and written as a run does, with the parameters it begins with.
import { takeSnapshot, writeCheckpoint } from "@tabgrad/coordinator";
import {
  checkRun,
  initialParameters,
  parameterSlots,
  resolveRun,
  type DatasetDescription,
  type DataShape,
  type RunFile,
} from "@tabgrad/core";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tabgrad-cli-"));
  made.push(folder);
  return folder;
}

type Chosen = Pick<RunFile, "data" | "model" | "loss">;

/** What a manifest notes of a dataset's description. */
const pick = ({ features, labels, text }: DataShape & Pick<DatasetDescription, "text">) => ({
  features,
  labels,
  ...(text && { text }),
});

/** @returns the checkpoint's folder, the run, and its flat parameter vector */
export async function checkpointOf(chosen: Chosen, data: DataShape, seed = 1) {
  const settings = checkRun({
    ...chosen,
    optimizer: { kind: "sgd", learningRate: 0.1 },
    batchSize: 8,
    steps: 10,
    seed,
  });
  const run = resolveRun(settings, data);
  const parameters = initialParameters(run.graph, seed);
  const weights = parameterSlots(run.graph).map(({ name, shape, offset, elements }) => ({
    name,
    shape,
    data: parameters.subarray(offset, offset + elements),
  }));
  const snapshot = takeSnapshot(weights, [], {
    format: 2,
    tabgrad: "0.0.0",
    runId: "a-run",
    name: "small",
    baseDirectory: "/nowhere",
    listened: { host: "127.0.0.1", port: 7070, tls: false },
    step: 10,
    epoch: 1,
    run: run.description,
    learningRate: 0.05,
    keep: 3,
    dataset: { fingerprint: "00", shards: [80], train: { samples: 80, shards: [0] }, ...pick(data) },
    evaluation: { step: 10, loss: 0.5, metrics: { accuracy: 0.75 } },
  });
  const { path } = await writeCheckpoint(temporaryFolder(), snapshot);
  return { path, run, parameters };
}
