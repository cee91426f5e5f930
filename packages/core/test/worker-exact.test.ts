// A worker in an exact run: what it takes for an assignment, and what a program is asked for.
import { describe, expect, it } from "vitest";
import type { Batch, Program, Sums } from "../src/engine/engine.ts";
import { closeCodes } from "../src/errors.ts";
import { ExactTraining } from "../src/worker/exact-training.ts";
import { assignment, Script, welcome } from "./worker-script.ts";

const open = (): Script =>
  new Script()
    .connected()
    .welcomed({ ...welcome, exact: true })
    .parameters(0)
    .shard(0);
const row = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i);

function expectViolation(script: Script, indices: string): void {
  expect(script.activity).toBe("leaving");
  expect(script.action("closeSocket").code).toBe(closeCodes.protocolViolation);
  const { outcome } = script.state.phase as unknown as { outcome: unknown };
  expect(outcome).toMatchObject({ kind: "failed", error: { code: "PROTOCOL_VIOLATION" } });
  expect((outcome as { error: Error }).error.message).toContain(`the microbatches ${indices} are not those below one node`);
}

describe("an assignment of an exact run", () => {
  it.each([
    [0, 1],
    [0, 8],
    [6, 8],
    [5, 6],
    // The last ones of a step of seven.
    [4, 7],
    [0, 7],
  ])("may be the microbatches from %i up to %i", (first, end) => {
    const script = open()
      .message(assignment(1, { microbatches: row(first, end) }))
      .shard(0);
    expect(script.action("compute").assignment.microbatches).toHaveLength(end - first);
  });

  it.each([
    ["not aligned", [1, 2], "1, 2"],
    ["too long for where it begins", [2, 3, 4], "2, 3, 4"],
    ["with a gap", [0, 2], "0, 2"],
    ["many", row(1, 20), "1, 2, 3, 4, 5, 6, 7, 8, …"],
  ])("must not be %s", (_, microbatches, named) => {
    expectViolation(open().message(assignment(1, { microbatches })), named);
  });

  it("is a block where it is an evaluation, too", () => {
    const evaluation = { ...assignment(1, { microbatches: [1, 2] }), purpose: "evaluate" } as const;
    expectViolation(open().message(evaluation), "1, 2");
  });

  it("may be anything where the run is not exact", () => {
    expect(new Script().open().message(assignment(1, { microbatches: [1, 2] })).activity).not.toBe("leaving");
  });

  it("is a block after a recall, too", () => {
    const waiting = (): Script => open().message(assignment(1, { microbatches: row(0, 8), shards: [3] }));
    const recall = { type: "recall", assignment: 1 } as const;
    expect(waiting().message({ ...recall, microbatches: row(4, 8) }).state.held[0].assignment.microbatches).toHaveLength(4);
    expectViolation(waiting().message({ ...recall, microbatches: [7, 5] }), "0, 1, 2, 3, 4, 6");
    expect(waiting().message({ ...recall, microbatches: [] }).activity).toBe("waitingForAssignment");
  });
});

describe("a run that became exact", () => {
  it("is loaded again under the same name", () => {
    const script = new Script().open().closed(1006).sleep().on({ type: "socketOpened", connection: 2 });
    script.message({ ...welcome, exact: true });
    expect(script.action("load").run.exact).toBe(true);
  });
});

describe("training in an exact run", () => {
  /** A program whose gradient is the batch's first input, and that counts the vectors it sees. */
  function counting() {
    const vectors = new Set<Float32Array>();
    const program = {
      parameterElements: 1,
      train: (batches: readonly Batch[], gradients: Float32Array): Promise<Sums> => {
        vectors.add(gradients);
        expect(batches).toHaveLength(1);
        [gradients[0]] = batches[0].inputs.x;
        return Promise.resolve({ samples: 1, lossSum: 2, metricSums: [3] });
      },
    } as unknown as Program;
    return { vectors, program };
  }

  const batch = (value: number): Batch => ({
    rows: 1,
    samples: 1,
    inputs: { x: Float32Array.of(value) },
    weights: Float32Array.of(1),
  });
  const microbatches = (first: number, end: number) => row(first, end).map((index) => ({ index, slices: [] }));

  it("adds along the tree, into the caller's vector, with one vector for each level", async () => {
    const { program, vectors } = counting();
    const training = new ExactTraining(program, [{ offset: 0, count: 1 }]);
    const values = row(0, 24).map((i) => Math.fround(1 / (i + 1)));
    const sum = (a: number, b: number): number => Math.fround(a + b);
    for (let round = 0; round < 3; round++) {
      const gradients = new Float32Array(1);
      const sums = await training.train(microbatches(16, 23), ({ index }, train) => train(batch(values[index])), gradients);
      const [a, b, c, d, e, f, g] = values.slice(16);
      expect(gradients[0]).toBe(sum(sum(sum(a, b), sum(c, d)), sum(sum(e, f), g)));
      expect(sums).toEqual({ samples: 7, lossSum: 14, metricSums: [21] });
    }
    // Three of the caller's, and at a time two more: seven leaves have three levels above them, of which the first leaf is in all.
    expect(vectors.size).toBe(3 + 2);
  });

  it("refuses what is no block", async () => {
    const training = new ExactTraining(counting().program, [{ offset: 0, count: 1 }]);
    const refused = training.train(microbatches(1, 3), (_, train) => train(batch(1)), new Float32Array(1));
    await expect(refused).rejects.toMatchObject({ code: "PROTOCOL_VIOLATION" });
  });
});
