// A run that averages its parameters: which of the two workers get for what, what a checkpoint holds, and how a run goes on from it.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openResumption, readCheckpoint, type RunningCoordinator } from "../src/index.ts";
import { RawWorker } from "./raw-worker.ts";
import { smallRunFolder, startSmallRun, type SmallRunOptions } from "./small-run.ts";

let folder: string;
let coordinator: RunningCoordinator | undefined;
beforeEach(async () => void (folder = await smallRunFolder()));
afterEach(async () => {
  coordinator?.stop("the test is over");
  await coordinator?.done.catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

const more = { averageWeights: { decay: 0.4 }, evaluateEvery: { steps: 1 } };

/** Runs to the end; every step's gradient is 1 everywhere, of 16 samples, and the learning rate is 1. */
async function run(options: SmallRunOptions) {
  ({ coordinator } = await startSmallRun(folder, { more, ...options }));
  const { worker, welcome } = await RawWorker.join(coordinator.url);
  worker.work(welcome, 1);
  const done = await coordinator.done;
  return { worker, done };
}

/** What workers got: of each version, the values. */
const versionsOf = ({ messages }: RawWorker): Map<number, Float32Array> =>
  new Map(messages.flatMap((message) => (message.type === "parametersChunk" ? [[message.version, message.values.slice()]] : [])));

describe("averaged parameters", () => {
  it("are evaluated, while the others go on being trained", async () => {
    const { worker } = await run({ steps: 3, directory: join(folder, "run") });
    const asked = worker.messages.flatMap((message) =>
      message.type === "assignment" ? [`${message.purpose} ${message.step} with ${message.version}`] : [],
    );
    expect(asked).toEqual([
      ...["train 1 with 0", "evaluate 1 with 1", "train 2 with 2", "evaluate 2 with 3"],
      ...["train 3 with 4", "evaluate 3 with 5"],
    ]);
    const sent = versionsOf(worker);
    expect([...sent.keys()]).toEqual([0, 1, 2, 3, 4, 5]);
    let average = [...sent.get(0)!];
    [1, 2, 3].forEach((step) => {
      const decay = Math.min(0.4, (1 + step) / (10 + step));
      const trained = [...sent.get(0)!].map((value) => value - step / 16);
      average = average.map((value, i) => decay * value + (1 - decay) * trained[i]);
      sent.get(2 * step - 1)!.forEach((value, i) => expect(value).toBeCloseTo(average[i], 5));
      sent.get(2 * step)?.forEach((value, i) => expect(value).toBeCloseTo(trained[i], 5));
    });
  });

  it("are the model of a checkpoint, beside the parameters that a resumed run goes on training", async () => {
    const whole = await run({ steps: 4, directory: join(folder, "whole") });
    const directory = join(folder, "parts");
    const half = await run({ steps: 2, directory });
    const { weights, optimizer } = await readCheckpoint(half.done.checkpoint!);
    const sent = versionsOf(half.worker);
    expect(weights.flatMap(({ data }) => [...data])).toEqual([...sent.get(3)!]);
    expect(optimizer.map(({ name }) => name)).toEqual(weights.map(({ name }) => `training.parameters/${name}`));
    const rest = await run({ steps: 4, resumption: await openResumption(directory), directory });
    expect(rest.done.parametersSha256).toBe(whole.done.parametersSha256);
    expect(versionsOf(rest.worker).get(4)).toEqual(versionsOf(whole.worker).get(4));
  });
});
