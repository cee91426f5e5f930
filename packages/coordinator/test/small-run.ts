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
  type OptimizerSpec,
  type TelemetryEvent,
} from "@tabgrad/core";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataset, startCoordinator, type CoordinatorOptions, type RunningCoordinator } from "../src/index.ts";

export interface SmallRunOptions extends Partial<Pick<CoordinatorOptions, "startWorkers" | "controlToken" | "stay" | "onWarning">> {
  readonly steps?: number;
  readonly optimizer?: OptimizerSpec;
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

export async function startSmallRun(
  folder: string,
  { steps = 2, optimizer = sgd({ learningRate: 1 }), ...options }: SmallRunOptions = {},
): Promise<SmallRun> {
  const settings = checkRun({
    data: csv({ path: "data.csv", label: "kind", test: { fraction: 0.2 } }),
    model: sequential(dense(2)),
    loss: crossEntropy(),
    optimizer,
    batchSize: 16,
    microbatchSize: 4,
    steps,
    evaluateEvery: "end",
  });
  const dataset = await openDataset(settings.data, { baseDirectory: folder, seed: settings.seed });
  const run = resolveRun(settings, dataset.description);
  const events: TelemetryEvent[] = [];
  const directory = join(folder, "run");
  const coordinator = await startCoordinator({
    ...{ name: "kinds", run, dataset, directory, host: "127.0.0.1", port: 0, startWorkers: 1, minWorkers: 1, software: "test" },
    initial: initialParameters(run.graph, settings.seed),
    onEvent: (event) => events.push(event),
    onWarning: (message) => {
      throw new Error(message);
    },
    ...options,
  });
  return { coordinator, events, directory };
}
