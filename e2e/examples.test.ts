// The examples do what their first lines say: the real command trains each of them.
import { describe, expect, it } from "vitest";
import { tabgrad, type JsonEvent } from "./support/command.ts";
import { temporaryFolder } from "./support/folder.ts";

/** Trains with one worker, exactly: the outcome hangs on nothing but the seed and the processor's arithmetic. */
async function train(file: string): Promise<JsonEvent> {
  const args = ["train", `examples/${file}`, "--workers", "1", "--engine", "cpu", "--json", "--out", temporaryFolder()];
  const run = tabgrad([...args, "--set", "exact=true"]);
  const done = await run.event("done");
  expect((await run.ended).exitCode).toBe(0);
  expect(done.outcome).toBe("finished");
  return done;
}

const atLeast = (bound: number): unknown => expect.toSatisfy((value: number) => value >= bound, `at least ${bound}`);

describe("examples", () => {
  it("iris/species.ts tells the species apart", async () => {
    expect(await train("iris/species.ts")).toMatchObject({ step: 180, accuracy: atLeast(0.85) });
  });

  it("iris/virginica.ts tells two species apart that are alike", async () => {
    const done = await train("iris/virginica.ts");
    expect(done).toMatchObject({
      step: 120,
      accuracy: atLeast(0.8),
      precision: atLeast(0.8),
      recall: atLeast(0.8),
      f1: atLeast(0.8),
    });
  });

  it("boston/prices.ts explains most of the variance", async () => {
    const done = await train("boston/prices.ts");
    expect(done).toMatchObject({ step: 1300, rSquared: atLeast(0.75) });
    expect(done.meanAbsoluteError).toBeLessThan(3);
  });
});
