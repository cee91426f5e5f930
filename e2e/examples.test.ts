// The examples do what their first lines say: the real command trains each of them, on its data or on files of the same format.
import { describe, expect, it } from "vitest";
import { writeCifarFiles } from "./support/cifar-files.ts";
import { tabgrad, type JsonEvent } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";

/** Trains with one worker, exactly: the outcome hangs on nothing but the seed and the processor's arithmetic. */
async function train(file: string, overrides: readonly string[] = []): Promise<{ done: JsonEvent; losses: readonly number[] }> {
  const args = ["train", `examples/${file}`, "--workers", "1", "--engine", "cpu", "--json", "--out", temporaryFolder()];
  const settings = ["exact=true", ...overrides].flatMap((override) => ["--set", override]);
  const run = tabgrad([...args, ...settings]);
  const done = await run.event("done");
  expect((await run.ended).exitCode).toBe(0);
  expect(done.outcome).toBe("finished");
  return { done, losses: run.events.filter(({ event }) => event === "step").map(({ loss }) => loss as number) };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const atLeast = (bound: number): unknown => expect.toSatisfy((value: number) => value >= bound, `at least ${bound}`);

describe("examples", () => {
  it("iris/species.ts tells the species apart", async () => {
    const { done } = await train("iris/species.ts");
    expect(done).toMatchObject({ step: 180, accuracy: atLeast(0.85) });
  });

  it("iris/virginica.ts tells two species apart that are alike", async () => {
    const { done } = await train("iris/virginica.ts");
    expect(done).toMatchObject({
      step: 120,
      accuracy: atLeast(0.8),
      precision: atLeast(0.8),
      recall: atLeast(0.8),
      f1: atLeast(0.8),
    });
  });

  it("boston/prices.ts explains most of the variance", async () => {
    const { done } = await train("boston/prices.ts");
    expect(done).toMatchObject({ step: 1300, rSquared: atLeast(0.75) });
    expect(done.meanAbsoluteError).toBeLessThan(3);
  });

  it("cifar/resnet.ts learns colours and stripes from files of the same format", async () => {
    const folder = temporaryFolder();
    writeCifarFiles(folder, { train: 320, test: 100 });
    const files = [`data.path=${folder}/data_batch_*.bin`, `data.test.path=${folder}/test_batch.bin`];
    // Small batches want a smaller learning rate.
    const short = ["batchSize=16", "microbatchSize=16", "optimizer.learningRate=0.025", "epochs=2"];
    const { done } = await train("cifar/resnet.ts", [...files, ...short]);
    expect(done).toMatchObject({ step: 40, accuracy: atLeast(0.7) });
  });

  it("mnist/cnn.ts learns in its first steps", async () => {
    const short = ["steps=30", "batchSize=64", "schedule.warmUp.steps=4"];
    const { done, losses } = await train("mnist/cnn.ts", short);
    expect(losses).toHaveLength(30);
    expect(losses[0]).toBeGreaterThan(2);
    expect(mean(losses.slice(-5))).toBeLessThan(losses[0] / 2);
    expect(done).toMatchObject({ step: 30, accuracy: atLeast(0.75) });
  });
});
