// Loss scaling in mixed precision, scripted: an overflow makes a step anew with half the scale, and is told from a wrong worker and from
// a run that diverges.
import { sentence } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { afterFiniteStep, initialLossScale } from "../src/decide/loss-scale.ts";
import { nothingWatched } from "../src/decide/index.ts";
import { resumedState } from "../src/decide/resume.ts";
import { Simulation } from "./simulation.ts";

function mixed(workers: readonly string[], plan: ConstructorParameters<typeof Simulation>[0] = {}): Simulation {
  const run = new Simulation({ scalesLoss: true, startWorkers: workers.length, ...plan });
  workers.forEach((id) => run.join(id));
  return run;
}

const scales = (run: Simulation): (number | undefined)[] =>
  run.actions.flatMap((action) => (action.kind === "assign" ? [action.lossScale] : []));
const overflow = { norm: Infinity };
const told = (run: Simulation, kind: string): string[] => run.reasons.filter((reason) => reason.kind === kind).map(sentence);
const startedOver = (run: Simulation): number => run.actions.filter(({ kind }) => kind === "startOver").length;

describe("the loss scale", () => {
  it("begins at 2^16, doubles after every 2000 steps without an overflow, and ends at 2^32", () => {
    let scale = initialLossScale;
    for (let step = 0; step < 1999; step++) scale = afterFiniteStep(scale);
    expect(scale).toEqual({ scale: 2 ** 16, finiteSteps: 1999 });
    expect(afterFiniteStep(scale)).toEqual({ scale: 2 ** 17, finiteSteps: 0 });
    for (let step = 0; step < 100_000; step++) scale = afterFiniteStep(scale);
    expect(scale.scale).toBe(2 ** 32);
  });

  it("travels with training, not with evaluation, and not in float32", () => {
    const run = mixed(["a"], { steps: 1, evaluationSamples: [32] });
    run.answer("a");
    expect(scales(run)).toEqual([2 ** 16, undefined]);
    const plain = new Simulation();
    plain.join("a");
    expect(scales(plain)).toEqual([undefined]);
  });

  it("goes on where a checkpoint left it", () => {
    const { plan } = mixed(["a"]);
    const lossScale = { scale: 512, finiteSteps: 7 };
    const point = { step: 1, learningRate: 0.1, learningRateChanges: [], watched: nothingWatched, isEvaluated: false };
    expect(resumedState(plan, { ...point, lossScale }).lossScale).toEqual(lossScale);
    expect(resumedState(plan, point).lossScale).toEqual(initialLossScale);
    expect(resumedState({ ...plan, scalesLoss: false }, { ...point, lossScale }).lossScale).toBeUndefined();
  });
});

describe("a step that is told", () => {
  it("has the scale that it was computed with", () => {
    const run = mixed(["a"], { steps: 2 });
    run.answer("a", overflow);
    run.answer("a");
    run.answer("a");
    expect(run.actions.flatMap((action) => (action.kind === "apply" ? [action.lossScale] : []))).toEqual([2 ** 15, 2 ** 15]);
    const plain = new Simulation({ steps: 1 });
    plain.join("a");
    plain.answer("a");
    expect(plain.actions.find(({ kind }) => kind === "apply")).not.toHaveProperty("lossScale");
  });
});

describe("an overflow", () => {
  it("of the only worker makes the step anew with half the scale, and every sample counts", () => {
    const run = mixed(["a"], { steps: 2 });
    run.answer("a", overflow);
    expect(scales(run)).toEqual([2 ** 16, 2 ** 15]);
    expect(run.sent.map(({ step, version }) => ({ step, version }))).toEqual([{ step: 1, version: 0 }]);
    run.answer("a");
    run.answer("a");
    expect(run.outcome).toEqual({ kind: "finished" });
    expect([...run.accepted]).toEqual([
      [1, 128],
      [2, 128],
    ]);
    expect(told(run, "overflowed")).toEqual([
      "The gradient of step 1 was too large for f16; it is computed again with a loss scale of 32768.",
    ]);
    expect(run.state.lossScale).toEqual({ scale: 2 ** 15, finiteSteps: 2 });
  });

  it("of two workers is believed at once, and nobody is blamed", () => {
    const run = mixed(["a", "b", "c"], { steps: 1 });
    run.answer("a", overflow);
    expect(startedOver(run)).toBe(0);
    run.answer("b", overflow);
    expect(startedOver(run)).toBe(1);
    // What c still sends of the step as it was is of no interest.
    expect(run.state.conduct.size).toBe(0);
    while (run.sent.length > 0) run.sent.map(({ worker }) => worker).forEach((id) => run.answer(id));
    expect(run.outcome).toEqual({ kind: "finished" });
    expect(told(run, "refused")).toEqual([]);
  });

  it("that a second opinion confirms is one", () => {
    const run = mixed(["a", "b"], { steps: 1 });
    run.answer("a", overflow);
    run.answer("b");
    expect(startedOver(run)).toBe(0);
    // Now b has what a had.
    run.answer("b", overflow);
    expect(startedOver(run)).toBe(1);
    expect(run.state.conduct.size).toBe(0);
  });

  it("that a second opinion contradicts is a wrong worker's, and the scale stays", () => {
    const run = mixed(["a", "b"], { steps: 20 });
    for (let turn = 0; turn < 60 && run.state.workers.has("a"); turn++) {
      run.answer("a", overflow);
      run.answer("b");
      run.check();
    }
    expect(told(run, "quarantined")).toHaveLength(1);
    expect(told(run, "overflowed")).toEqual([]);
    expect(run.state.lossScale!.scale).toBe(2 ** 16);
    while (run.answer("b"));
    expect(run.outcome).toEqual({ kind: "finished" });
  });

  it("at a scale of 1 is none: the run has diverged", () => {
    const run = mixed(["a"]);
    for (let turn = 0; turn < 40 && !run.outcome; turn++) run.answer("a", overflow);
    expect(scales(run).filter((scale, i, all) => scale !== all[i - 1])).toEqual(
      Array.from({ length: 17 }, (_, i) => 2 ** (16 - i)),
    );
    expect(run.outcome).toEqual({ kind: "diverged", step: 1, what: "the gradient is not finite" });
  });

  it("is none where the loss is not finite", () => {
    const run = mixed(["a"]);
    run.answer("a", { ...overflow, lossSum: NaN });
    run.answer("a", { ...overflow, lossSum: NaN });
    expect(run.outcome).toEqual({ kind: "diverged", step: 1, what: "the loss is not finite" });
    expect(run.state.lossScale!.scale).toBe(2 ** 16);
  });

  it("in exact mode starts the tree anew", () => {
    const run = mixed(["a", "b"], { steps: 2, exact: true });
    run.answer("a", overflow);
    run.answer("b", overflow);
    while (run.sent.length > 0) run.sent.map(({ worker }) => worker).forEach((id) => run.answer(id));
    expect(run.outcome).toEqual({ kind: "finished" });
    expect(startedOver(run)).toBe(1);
  });
});
