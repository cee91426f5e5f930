// A run small enough to be driven by hand: two features, two classes, six parameters, two steps an epoch.
import {
  checkRun,
  crossEntropy,
  csv,
  dense,
  initialParameters,
  resolveRun,
  sequential,
  sgd,
  type CheckpointInterval,
  type OptimizerSpec,
  type ResolvedRun,
  type RunFile,
  type TelemetryEvent,
} from "@tabgrad/core";
import { openDataset, type Dataset } from "@tabgrad/data";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restoredParameters, startCoordinator, type CoordinatorOptions, type RunningCoordinator } from "../src/index.ts";

type Given = "startWorkers" | "controlToken" | "stay" | "onWarning" | "directory" | "resumption" | "keep" | "port";

export interface SmallRunOptions extends Partial<Pick<CoordinatorOptions, Given>> {
  readonly steps?: number;
  readonly optimizer?: OptimizerSpec;
  readonly checkpointEvery?: CheckpointInterval;
  readonly exact?: boolean;
  /** More of what a run file says. */
  readonly more?: Pick<RunFile, "averageWeights" | "evaluateEvery" | "parameterGroups"> &
    Partial<Pick<RunFile, "loss" | "metrics">>;
}

export interface SmallRun {
  readonly coordinator: RunningCoordinator;
  readonly events: readonly TelemetryEvent[];
  /** Where the run writes. */
  readonly directory: string;
}

/** A folder with the data; whoever asks for it removes it. */
export async function smallRunFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tabgrad-coordinator-"));
  const rows = Array.from({ length: 40 }, (_, i) => `${i % 7},${i % 5},${i % 2 ? "odd" : "even"}`);
  await writeFile(join(folder, "data.csv"), ["length,width,kind", ...rows].join("\n"));
  return folder;
}

export async function describeSmallRun(
  folder: string,
  {
    steps = 2,
    optimizer = sgd({ learningRate: 1 }),
    more,
    ...rest
  }: Pick<SmallRunOptions, "steps" | "optimizer" | "checkpointEvery" | "exact" | "more"> = {},
): Promise<{ run: ResolvedRun; dataset: Dataset }> {
  const settings = checkRun({
    data: csv({ path: "data.csv", label: "kind", test: { fraction: 0.2 } }),
    model: sequential(dense(2)),
    loss: crossEntropy(),
    optimizer,
    batchSize: 16,
    microbatchSize: 4,
    steps,
    evaluateEvery: "end",
    ...rest,
    ...more,
  });
  const dataset = await openDataset(settings.data, { baseDirectory: folder, seed: settings.seed });
  return { run: resolveRun(settings, dataset.description), dataset };
}

export async function startSmallRun(
  folder: string,
  { steps, optimizer, checkpointEvery, more, exact = false, directory = join(folder, "run"), ...options }: SmallRunOptions = {},
): Promise<SmallRun> {
  const { run, dataset } = await describeSmallRun(folder, {
    steps,
    optimizer,
    exact,
    more,
    ...(checkpointEvery !== undefined && { checkpointEvery }),
  });
  const events: TelemetryEvent[] = [];
  const coordinator = await startCoordinator({
    ...{ name: "kinds", baseDirectory: folder, host: "127.0.0.1", port: 0, startWorkers: 1, minWorkers: 1, software: "test" },
    ...{ run, dataset, directory },
    initial: options.resumption ? restoredParameters(options.resumption, run) : initialParameters(run.graph, run.description.seed),
    onEvent: (event) => events.push(event),
    onWarning: (message) => {
      throw new Error(message);
    },
    ...options,
  });
  return { coordinator, events, directory };
}
