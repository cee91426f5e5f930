// A run that begins where another ended: what matched is said, in one sentence.
import { csv, crossEntropy, dense, relu, sequential } from "@tabgrad/core";
import { expect, it } from "vitest";
import { pino } from "pino";
import { initialisationSentence, initialVector } from "../src/initialise.ts";
import { checkpointOf } from "./checkpoints.ts";

const data = { features: { shape: [2], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3 } } as const;
const withHead = (units: number, count: number, seed: number) =>
  checkpointOf(
    { data: csv({ path: "a.csv", label: 0 }), model: sequential(dense(4), relu(), dense(units)), loss: crossEntropy() },
    { ...data, labels: { kind: "classes", count } },
    seed,
  );

it("takes a checkpoint's parameters, and draws those of another shape from its own seed", async () => {
  const before = await withHead(3, 3, 1);
  const { run, parameters: drawn } = await withHead(2, 2, 2);
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const initialise = { from: before.path, skipMismatched: true };
  const vector = await initialVector({ ...run, description: { ...run.description, initialise } }, "/elsewhere", log);
  expect([...vector.subarray(0, 12)]).toEqual([...before.parameters.subarray(0, 12)]);
  expect([...vector.subarray(12)]).toEqual([...drawn.subarray(12)]);
  expect(JSON.parse(lines[0])).toMatchObject({
    matched: ["0.weight", "0.bias"],
    missing: [],
    mismatched: [{ name: "2.weight" }, {}],
  });
  await expect(
    initialVector({ ...run, description: { ...run.description, initialise: before.path } }, "/elsewhere", log),
  ).rejects.toMatchObject({ code: "CHECKPOINT_INVALID" });
});

it("says what matched, and what did not", () => {
  const report = {
    matched: ["0.weight"],
    missing: ["2.bias"],
    mismatched: [{ name: "2.weight", shape: [3, 4], found: [2, 4] }],
    unused: Array.from({ length: 14 }, (_, i) => `t${i}`),
  };
  expect(initialisationSentence("w.safetensors", report)).toBe(
    "1 of 3 parameters begin as in w.safetensors; not there, so begin at random: 2.bias; " +
      "of another shape, so begin at random: 2.weight [2, 4] instead of [3, 4]; " +
      "not used: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11 and 2 more",
  );
});
