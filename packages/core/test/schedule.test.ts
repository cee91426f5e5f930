// Schedules against closed forms and PyTorch's, what a run file may say of them and of its goals, and what it may not.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  constantRate,
  cosineDecay,
  linearDecay,
  oneCycle,
  rateFactors,
  reduceOnPlateau,
  scheduleSchema,
  stepDecay,
  type ScheduleSpec,
} from "../src/optimizer/index.ts";
import { checkGoals, criterionOf, type Goals } from "../src/run/goal.ts";

const factors = (spec: ScheduleSpec, steps: number, stepsPerEpoch = 10): number[] => {
  const factor = rateFactors(scheduleSchema.parse(spec), { steps, stepsPerEpoch });
  return Array.from({ length: steps }, (_, i) => factor(i + 1));
};
function expectAll(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 8));
}

describe("a schedule", () => {
  it("is none where there is none", () => expect(rateFactors(undefined, { steps: 5, stepsPerEpoch: 5 })(3)).toBe(1));

  it("falls evenly", () => {
    expectAll(factors(linearDecay(), 4), [1, 0.75, 0.5, 0.25]);
    expectAll(factors(linearDecay({ minimum: 0.5 }), 4), [1, 0.875, 0.75, 0.625]);
  });

  it("falls by a factor every so often", () => {
    expectAll(factors(stepDecay({ every: { steps: 2 }, factor: 0.5 }), 6), [1, 1, 0.5, 0.5, 0.25, 0.25]);
    expectAll(factors(stepDecay({ every: { epochs: 1 } }), 6, 3), [1, 1, 1, 0.1, 0.1, 0.1]);
  });

  it("warms up before anything else", () => {
    expectAll(factors(constantRate({ warmUp: { steps: 3 } }), 6), [0.25, 0.5, 0.75, 1, 1, 1]);
    expectAll(factors(reduceOnPlateau({ warmUp: { steps: 1 } }), 3), [0.5, 1, 1]);
    expectAll(factors(linearDecay({ warmUp: { epochs: 1 } }), 6, 2), [1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25]);
    expectAll(factors(stepDecay({ every: { steps: 1 }, factor: 0.5, warmUp: { steps: 1 } }), 4), [0.5, 1, 0.5, 0.25]);
  });

  // torch 1.13.1: CosineAnnealingLR(SGD([p], lr=1), T_max=8, eta_min=0.1)
  it("falls along a cosine as PyTorch's does", () =>
    expectAll(
      factors(cosineDecay({ minimum: 0.1 }), 8),
      [1, 0.96574579, 0.868198052, 0.722207545, 0.55, 0.377792455, 0.231801948, 0.13425421],
    ));

  // torch 1.13.1: OneCycleLR(SGD([p], lr=1), max_lr=1, total_steps=20, cycle_momentum=False)
  it("makes one cycle as PyTorch's does", () =>
    expectAll(factors(oneCycle(), 20), [
      ...[0.04, 0.131671843, 0.371671843, 0.668328157, 0.908328157, 1, 0.987464006, 0.950484632, 0.890916178, 0.811745654],
      ...[0.716943002, 0.611262022, 0.500002, 0.388741978, 0.283060998, 0.188258346, 0.109087822, 0.049519368, 0.012539994, 4e-6],
    ]));

  it("is above 0 and at most 1 in every step of any run", () => {
    const warmUp = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined });
    const any = fc.oneof(
      warmUp.map((steps) => (steps ? cosineDecay({ warmUp: { steps } }) : cosineDecay())),
      warmUp.map((steps) => (steps ? linearDecay({ warmUp: { steps } }) : linearDecay())),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }).map((rise) => oneCycle({ rise })),
    );
    fc.assert(
      fc.property(any, fc.integer({ min: 1, max: 60 }), (spec, steps) => {
        for (const factor of factors(spec, steps)) {
          expect(factor).toBeGreaterThan(0);
          expect(factor).toBeLessThanOrEqual(1 + 1e-12);
        }
      }),
    );
  });

  it("stays the same when it is checked twice", () => {
    for (const spec of [
      cosineDecay({ warmUp: { epochs: 1 } }),
      oneCycle(),
      reduceOnPlateau(),
      stepDecay({ every: { epochs: 2 } }),
    ]) {
      const once = scheduleSchema.parse(spec);
      expect(scheduleSchema.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
    }
  });
});

describe("goals", () => {
  const every = { evaluateEvery: { epochs: 1 } };
  const complaint = (goals: Partial<Goals>, heldOut = 10) => {
    try {
      checkGoals({ ...every, ...goals }, ["accuracy", "meanAbsoluteError"], heldOut);
    } catch (error) {
      return (error as Error).message;
    }
    return undefined;
  };

  it("are the lowest loss, unless somebody says otherwise", () => {
    expect(criterionOf({})).toEqual({ metric: "loss", direction: "lowest" });
    expect(criterionOf({}, { metric: "accuracy" })).toEqual({ metric: "accuracy", direction: "highest" });
    expect(criterionOf({}, { metric: "meanAbsoluteError" })).toEqual({ metric: "meanAbsoluteError", direction: "lowest" });
    expect(criterionOf({}, { metric: "odd", direction: "lowest" })).toEqual({ metric: "odd", direction: "lowest" });
    expect(criterionOf({ metric: "loss" }, { metric: "odd", direction: "highest" })).toEqual({
      metric: "loss",
      direction: "lowest",
    });
  });

  it("name metrics of the run", () => {
    expect(complaint({ goal: { metric: "accuracy" }, stopEarly: { patience: 1 } })).toBeUndefined();
    expect(complaint({ goal: { metric: "acuracy" } })).toBe("goal.metric: the run has no metric acuracy; did you mean accuracy?");
    expect(complaint({ stopEarly: { patience: 1, metric: "bleu" } })).toBe(
      "stopEarly.metric: the run has no metric bleu; there are loss, accuracy, meanAbsoluteError",
    );
  });

  it("that need evaluations on the way are refused without them", () => {
    const schedule = scheduleSchema.parse(reduceOnPlateau());
    expect(complaint({ schedule }, 0)).toContain(
      "schedule: it goes by evaluations on the way, and there are none, since the data has no",
    );
    expect(complaint({ stopEarly: { patience: 1 }, evaluateEvery: "end" })).toContain('since evaluateEvery is "end"');
    expect(complaint({ goal: { metric: "accuracy" } }, 0)).toBeUndefined();
  });
});
