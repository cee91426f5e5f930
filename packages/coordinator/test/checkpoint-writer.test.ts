// The writer of checkpoints on a real disk: one at a time, the newest ones and the best are kept, and evaluations reach the manifest.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  bestOf,
  CheckpointWriter,
  readManifest,
  surplus,
  takeSnapshot,
  type Evaluation,
  type Retained,
  type Snapshot,
} from "../src/checkpoint/index.ts";

describe("retention", () => {
  const checkpoints = fc.uniqueArray(
    fc.record({ step: fc.nat({ max: 100 }), score: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }) }),
    { selector: ({ step }) => step },
  );

  it("keeps the newest and the best, and nothing else", () => {
    fc.assert(
      fc.property(checkpoints, fc.integer({ min: 1, max: 5 }), (all: Retained[], keep) => {
        const gone = new Set(surplus(all, keep));
        const stay = all.filter((one) => !gone.has(one));
        const best = bestOf(all);
        const newest = [...all].sort((a, b) => b.step - a.step).slice(0, keep);
        expect(new Set(stay)).toEqual(new Set(best ? [...newest, best] : newest));
        for (const { score } of all) if (score !== undefined) expect(best!.score).toBeLessThanOrEqual(score);
      }),
    );
  });

  it("takes the newest of equally good ones, and none that is not a number", () => {
    const all = [{ step: 1, score: 2 }, { step: 2, score: NaN }, { step: 3, score: 2 }, { step: 4 }];
    expect(bestOf(all)?.step).toBe(3);
    expect(bestOf([{ step: 2, score: NaN }])).toBeUndefined();
  });
});

describe("the writer", () => {
  let directory: string;
  let writer: CheckpointWriter;
  const failures: Error[] = [];
  const written: number[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tabgrad-writer-"));
    failures.length = 0;
    written.length = 0;
    writer = new CheckpointWriter({
      directory,
      keep: 2,
      score: ({ loss }) => loss,
      saveBest: true,
      beforeNaming: () => Promise.resolve(),
      onWritten: (step) => written.push(step),
      onFailure: (_, error) => failures.push(error),
    });
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const snapshot = (step: number, evaluation: Evaluation | null = null): Snapshot =>
    takeSnapshot([{ name: "w", shape: [1], data: Float32Array.of(step) }], [], {
      format: 2,
      tabgrad: "0.0.0",
      runId: "run",
      name: "mlp",
      baseDirectory: "/data",
      listened: { host: "127.0.0.1", port: 7070, tls: false },
      step,
      epoch: 1,
      run: {},
      learningRate: 0.1,
      keep: 2,
      dataset: { fingerprint: "00", shards: [8], train: { samples: 8, shards: [0] } },
      evaluation,
    });
  const evaluation = (step: number, loss: number): Evaluation => ({ step, loss, metrics: {} });
  const manifestOf = (name: string) => readManifest(join(directory, name));
  const save = async (step: number, loss?: number): Promise<void> => {
    writer.request(snapshot(step));
    if (loss !== undefined) writer.evaluated(evaluation(step, loss), () => snapshot(step));
    await writer.settled();
  };

  it("keeps the newest and the best, and names both", async () => {
    await save(1, 3);
    await save(2, 1);
    await save(3, 2);
    await save(4);
    await save(5);
    expect((await readdir(directory)).sort()).toEqual(["step-00000002", "step-00000004", "step-00000005"]);
    expect(writer.best).toBe(join(directory, "step-00000002"));
    expect(writer.newest).toBe(join(directory, "step-00000005"));
    expect((await manifestOf("step-00000002")).evaluation).toEqual(evaluation(2, 1));
    expect(failures).toEqual([]);
  });

  it("saves parameters that did best, even where no checkpoint was asked for, and no others", async () => {
    await save(1, 3);
    writer.evaluated(evaluation(2, 4), () => snapshot(2, evaluation(2, 4)));
    writer.evaluated(evaluation(3, 1), () => snapshot(3, evaluation(3, 1)));
    await writer.settled();
    expect(written).toEqual([1, 3]);
    expect(writer.best).toBe(join(directory, "step-00000003"));
  });

  it("writes a step once, and says anew what is known of it", async () => {
    await save(1);
    const path = await writer.write(snapshot(1, evaluation(1, 0.5)));
    expect(written).toEqual([1]);
    expect((await readManifest(path)).evaluation).toEqual(evaluation(1, 0.5));
    expect(writer.best).toBe(path);
  });

  it("skips what is outdated before its turn comes", async () => {
    for (const step of [1, 2, 3, 4]) writer.request(snapshot(step));
    await writer.settled();
    expect(written).toEqual([1, 4]);
  });

  it("goes on after a failure, and tells of it", async () => {
    await rm(directory, { recursive: true });
    await writeFile(directory, "in the way");
    await save(1);
    expect(failures).toHaveLength(1);
    await rm(directory);
    await save(2);
    expect(await readdir(directory)).toEqual(["step-00000002"]);
    await rm(directory, { recursive: true });
    await writeFile(directory, "in the way");
    await expect(writer.write(snapshot(3))).rejects.toMatchObject({ code: "OUTPUT_UNWRITABLE" });
  });
});
