// Learning rates that follow a schedule or fall on a plateau, and runs that end early: decided under a virtual clock.
import { sentence } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { resumedState } from "../src/decide/resume.ts";
import type { RunPlan, Totals } from "../src/decide/index.ts";
import { Simulation } from "./simulation.ts";

const onLoss = {
  ...({ metric: "loss", direction: "lowest", minimumDelta: 0 } as const),
  value: ({ lossSum, samples }: Totals) => lossSum / samples,
};
const everyStep: Partial<RunPlan> = { stepSamples: () => [4], evaluationSamples: [4], evaluateAfter: () => true };

/** Runs to the end; evaluations find these values, the last one again and again. */
function play(run: Simulation, values: readonly number[], metric = false): Simulation {
  let evaluation = run.evaluations.length;
  run.join("a");
  while (!run.outcome) {
    const isEvaluation = run.sent[0].purpose === "evaluate";
    const value = values[Math.min(evaluation, values.length - 1)] * 4;
    run.answer("a", isEvaluation ? (metric ? { metricSums: [value] } : { lossSum: value }) : {});
    if (isEvaluation) evaluation++;
  }
  return run;
}
const rates = (run: Simulation): number[] => [...run.learningRates.values()];

describe("the rate of a step", () => {
  it("is the schedule's factor times the learning rate, which people can change", () => {
    const run = new Simulation({ steps: 4, stepSamples: () => [4], rateFactor: (step) => 1 / step });
    run.join("a");
    run.answer("a");
    run.answer("a");
    run.send({ kind: "learningRate", value: 3 });
    run.answer("a");
    run.answer("a");
    expect(rates(run)).toEqual([0.1, 0.05, 3 * (1 / 3), 0.75]);
    expect(run.actions.flatMap((action) => (action.kind === "apply" ? [action.baseLearningRate] : []))).toEqual([0.1, 0.1, 3, 3]);
  });
});

describe("a plateau", () => {
  // torch 1.13.1: ReduceLROnPlateau(factor=0.5, patience=1, threshold=0.01, threshold_mode="abs", min_lr=0.2) finds for these losses
  // [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]; its patience is how many bad evaluations to let pass, ours how many there are.
  const losses = [1, 0.9, 0.895, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8];
  const plateau = { ...onLoss, patience: 2, factor: 0.5, minimum: 0.2, minimumDelta: 0.01 };

  it("lets the rate fall as PyTorch's does, and says so", () => {
    const run = play(new Simulation({ ...everyStep, steps: 11, learningRate: 1, plateau }), losses);
    expect(rates(run)).toEqual([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]);
    const told = run.reasons.filter((reason) => reason.kind === "plateau");
    expect(told.map(({ scale }) => scale)).toEqual([0.5, 0.25, 0.2]);
    expect(sentence(told[0])).toBe(
      "The learning rate falls to 0.5 times what it would be, since the loss on held-out samples got no better than 0.9, of step 2, in 2 evaluations.",
    );
  });

  it("is the same in a run that goes on from a checkpoint, whether or not its evaluation was noted", () => {
    const plan = { ...everyStep, steps: 11, learningRate: 1, plateau };
    const whole = play(new Simulation(plan), losses);
    const watchedAfter = whole.actions.flatMap((action) => (action.kind === "evaluated" ? [action.watched] : []));
    for (const step of [2, 3, 4, 7]) {
      for (const isEvaluated of [true, false]) {
        const run = new Simulation(plan);
        const watched = watchedAfter[isEvaluated ? step - 1 : step - 2];
        run.state = resumedState(run.plan, { step, learningRate: 1, learningRateChanges: [], watched, isEvaluated });
        play(run, losses.slice(isEvaluated ? step : step - 1));
        expect(rates(run)).toEqual(rates(whole).slice(step));
      }
    }
  });
});

describe("a run that is to stop early", () => {
  const stopEarly = { ...onLoss, patience: 2 };

  it("stops when evaluations got no better, and says why", () => {
    const run = play(new Simulation({ ...everyStep, steps: 20, stopEarly }), [1, 0.5, 0.6, 0.4, 0.4, 0.5, 0.1]);
    expect(run.accepted.size).toBe(6);
    expect(run.outcome).toEqual({
      kind: "finished",
      why: "stopped early: loss on held-out samples has got no better than 0.4 since step 4",
    });
    expect(sentence(run.reasons.at(-1)!)).toBe(
      "The run ends early, since the loss on held-out samples got no better than 0.4, of step 4, in 2 evaluations.",
    );
  });

  it("goes by a metric that should be high, and by how much better it is", () => {
    const value = ({ metricSums, samples }: Totals) => metricSums[0] / samples;
    const high = { metric: "accuracy", direction: "highest", value, patience: 2, minimumDelta: 0.1 } as const;
    const run = play(new Simulation({ ...everyStep, steps: 20, stopEarly: high }), [0.5, 0.55, 0.65, 0.7, 0.74, 0.9], true);
    expect(run.accepted.size).toBe(5);
  });

  it("tells with each evaluation how far it is from that", () => {
    const run = play(
      new Simulation({
        ...everyStep,
        steps: 20,
        stopEarly: { ...stopEarly, form: "share" },
        plateau: { ...onLoss, patience: 3, factor: 0.5, minimum: 0 },
      }),
      [0.5, 0.25, 0.5, 0.5],
    );
    const standings = run.actions.flatMap((action) => (action.kind === "evaluated" ? [action.standings] : []));
    const of = (best: number, since: number, evaluations: number) => ({ metric: "loss", best, since, evaluations });
    const both = (best: number, since: number, evaluations: number) => ({
      stopEarly: { ...of(best, since, evaluations), form: "share", patience: 2 },
      plateau: { ...of(best, since, evaluations), patience: 3 },
    });
    expect(standings).toEqual([both(0.5, 1, 0), both(0.25, 2, 0), both(0.25, 2, 1), both(0.25, 2, 2)]);
    expect(run.outcome).toMatchObject({
      why: "stopped early: loss on held-out samples has got no better than 25.00 % since step 2",
    });
  });

  it("takes what is no number for no better", () => {
    const run = play(new Simulation({ ...everyStep, steps: 20, stopEarly }), [NaN]);
    expect(run.accepted.size).toBe(2);
    expect(run.outcome).toMatchObject({ why: "stopped early: loss on held-out samples was never a number" });
  });

  it("runs to its end while they do get better", () => {
    const run = play(new Simulation({ ...everyStep, steps: 5, stopEarly }), [5, 4, 3, 2, 1]);
    expect(run.outcome).toEqual({ kind: "finished" });
  });

  it("stops at once where its checkpoint says that it should have", () => {
    const run = new Simulation({ ...everyStep, steps: 20, stopEarly });
    const stopping = { best: 0.4, step: 4, waited: 2 };
    const watched = { plateau: { step: 0, waited: 0, scale: 1 }, stopping };
    run.state = resumedState(run.plan, { step: 6, learningRate: 1, learningRateChanges: [], watched, isEvaluated: true });
    run.join("a");
    expect(run.outcome).toMatchObject({ kind: "finished" });
    expect(run.accepted.size).toBe(0);
  });
});

describe("the sums of an evaluation in an exact run", () => {
  it("have the same bits whoever sent which part, and when", () => {
    // 0.1 + 0.2 + 0.3 + … depends on the order.
    const lossOf = (microbatches: readonly number[]): number => microbatches.reduceRight((sum, index) => sum + (index + 1) / 10, 0);
    const found = [1, 2, 3].map((workers) => {
      const run = new Simulation({ steps: 1, stepSamples: () => [4], evaluationSamples: [4, 4, 4, 4], exact: true });
      const ids = Array.from({ length: workers }, (_, i) => `w${i}`);
      ids.forEach((id) => run.join(id));
      while (!run.outcome) {
        for (const id of workers === 2 ? [...ids].reverse() : ids) {
          const next = run.sent.find((sent) => sent.worker === id);
          if (next) run.answer(id, next.purpose === "evaluate" ? { lossSum: treeSum(next.microbatches, lossOf) } : {});
        }
      }
      return run.actions.flatMap((action) => (action.kind === "evaluated" ? [action.totals.lossSum] : []));
    });
    expect(new Set(found.flat()).size).toBe(1);
    expect(found[0]).toEqual([0.1 + 0.2 + (0.3 + 0.4)]);
  });
});

/** As a worker adds: along the tree. */
function treeSum(microbatches: readonly number[], leaf: (one: readonly number[]) => number): number {
  if (microbatches.length === 1) return leaf(microbatches);
  const half = microbatches.length / 2;
  return treeSum(microbatches.slice(0, half), leaf) + treeSum(microbatches.slice(half), leaf);
}
