// What a coordinator relies on: sums from anywhere, chunks in any order, state that survives, and settings that are checked.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  adagrad,
  adam,
  adamW,
  createOptimizer,
  lion,
  optimizerSpecSchema,
  rmsProp,
  sgd,
  type Optimizer,
  type OptimizerSpec,
} from "../src/optimizer/index.ts";

const specs: OptimizerSpec[] = [
  sgd({ learningRate: 0.1 }),
  sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
  adam({ weightDecay: 0.01 }),
  adamW(),
  rmsProp({ momentum: 0.9, centered: true }),
  lion({ weightDecay: 0.1 }),
  adagrad(),
];

/** Numbers that look random and are the same in every run. */
const wave = (length: number, phase: number) => Float32Array.from({ length }, (_, i) => Math.sin(phase + 1.7 * i) * 2);

function prepared(spec: OptimizerSpec, elements: number): Optimizer {
  const optimizer = createOptimizer(spec, elements);
  optimizer.parameters.set(wave(elements, 1));
  return optimizer;
}

/** Everything that a step may change. */
const everything = (optimizer: Optimizer) =>
  [optimizer.parameters, ...Object.values(optimizer.stateVectors())].map((vector) => vector.slice());

describe("the gradient sum", () => {
  const elements = 40_001;

  it("adds values at an offset, longer than the staging memory or not", () => {
    const optimizer = createOptimizer(sgd({ learningRate: 1 }), elements);
    const expected = new Float32Array(elements);
    const add = (offset: number, values: Float32Array) => {
      optimizer.accumulate(offset, values);
      values.forEach((value, i) => (expected[offset + i] += value));
    };
    add(0, wave(elements, 2));
    add(5, wave(16_384, 3));
    add(elements - 3, wave(3, 4));
    add(1, wave(elements - 1, 5));
    add(elements, wave(0, 6));
    expect(optimizer.gradients).toEqual(expected);
    optimizer.clearGradients({ offset: 7, count: 11 });
    expected.fill(0, 7, 18);
    expect(optimizer.gradients).toEqual(expected);
    optimizer.clearGradients();
    expect(optimizer.gradients).toEqual(new Float32Array(elements));
  });

  it("takes bytes at any alignment, as a socket delivers them", () => {
    const optimizer = createOptimizer(sgd({ learningRate: 1 }), 20_000);
    const values = wave(20_000, 2);
    const frame = new Uint8Array(80_003);
    frame.set(new Uint8Array(values.buffer), 3);
    optimizer.accumulate(0, frame.subarray(3));
    expect(optimizer.gradients).toEqual(values);
    expect(() => optimizer.accumulate(0, frame.subarray(3, 10))).toThrow("7 bytes are not a number of float32 values");
  });

  it("refuses values outside, and adds none of them", () => {
    const optimizer = createOptimizer(sgd({ learningRate: 1 }), elements);
    expect(() => optimizer.accumulate(1, wave(elements, 2))).toThrow("40001 values at 1 do not fit into 40001");
    expect(() => optimizer.accumulate(-1, wave(5, 2))).toThrow(RangeError);
    expect(optimizer.gradients).toEqual(new Float32Array(elements));
  });

  it.each([NaN, Infinity, -Infinity])("shows %d before any parameter changes", (bad) => {
    const optimizer = prepared(adam(), 103);
    optimizer.accumulate(0, wave(103, 2));
    const norm = wave(103, 2).reduce((sum, value) => sum + (value / 4) ** 2, 0);
    expect(optimizer.squaredGradientNorm({ samples: 4 })).toBeCloseTo(norm, 5);
    for (const where of [0, 50, 102]) {
      optimizer.gradients[where] = bad;
      expect(Number.isFinite(optimizer.squaredGradientNorm({ samples: 4 }))).toBe(false);
      expect(Number.isFinite(optimizer.squaredGradientNorm({ offset: where + 1, samples: 4 }))).toBe(true);
      optimizer.gradients[where] = 3e38;
      expect(Number.isFinite(optimizer.squaredGradientNorm({ samples: 4 }))).toBe(true);
    }
  });
});

describe.each(specs)("a step of $kind", (spec) => {
  const elements = 61;

  it("has the same bits however the vector is cut, and in whatever order", () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: elements - 1 }), { maxLength: 6 });
    fc.assert(
      fc.property(cuts, fc.boolean(), (inner, backwards) => {
        const bounds = [0, ...inner.sort((a, b) => a - b), elements];
        const chunks = bounds.slice(1).map((end, i) => ({ offset: bounds[i], count: end - bounds[i] }));
        if (backwards) chunks.reverse();
        const [whole, parts] = [prepared(spec, elements), prepared(spec, elements)];
        for (const step of [1, 2, 3]) {
          for (const optimizer of [whole, parts]) optimizer.gradients.set(wave(elements, step));
          const expected = whole.step({ step, samples: 7 });
          const sums = chunks.map((chunk) => parts.step({ ...chunk, step, samples: 7 }));
          expect(everything(parts)).toEqual(everything(whole));
          for (const name of ["squaredGradientNorm", "squaredParameterNorm"] as const) {
            expect(sums.reduce((sum, result) => sum + result[name], 0)).toBeCloseTo(expected[name], 10);
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it("divides the sum by the number of samples", () => {
    const [mean, sum] = [prepared(spec, elements), prepared(spec, elements)];
    mean.gradients.set(wave(elements, 2));
    sum.gradients.set(wave(elements, 2).map((value) => value * 64));
    expect(sum.step({ step: 1, samples: 64 })).toEqual(mean.step({ step: 1, samples: 1 }));
    expect(everything(sum)).toEqual(everything(mean));
  });

  it("goes by the learning rate it is given, and by none where that is 0", () => {
    const [own, given, none] = [
      prepared({ ...spec, learningRate: 0.5 }, elements),
      prepared(spec, elements),
      prepared(spec, elements),
    ];
    for (const optimizer of [own, given, none]) optimizer.gradients.set(wave(elements, 2));
    own.step({ step: 1, samples: 1 });
    given.step({ step: 1, samples: 1, learningRate: 0.5 });
    none.step({ step: 1, samples: 1, learningRate: 0 });
    expect(everything(given)).toEqual(everything(own));
    expect(none.parameters).toEqual(wave(elements, 1));
  });

  it("goes on from saved state as if nothing had happened", () => {
    const quiet = prepared(spec, elements);
    let resumed = prepared(spec, elements);
    for (const step of [1, 2, 3, 4]) {
      for (const optimizer of [quiet, resumed]) {
        optimizer.gradients.set(wave(elements, step));
        optimizer.step({ step, samples: 3 });
      }
      const next = createOptimizer(spec, elements);
      next.parameters.set(resumed.parameters);
      next.restoreState(resumed.stateVectors());
      resumed = next;
      expect(everything(resumed)).toEqual(everything(quiet));
    }
  });

  it("says when the parameters are no longer finite", () => {
    const optimizer = prepared(spec, elements);
    optimizer.gradients.set(wave(elements, 2));
    expect(Number.isFinite(optimizer.step({ step: 1, samples: 1 }).squaredParameterNorm)).toBe(true);
    optimizer.parameters[elements - 1] = Infinity;
    expect(Number.isFinite(optimizer.step({ step: 2, samples: 1 }).squaredParameterNorm)).toBe(false);
  });

  it("refuses a step 0 and a sum of no samples", () => {
    const optimizer = prepared(spec, elements);
    expect(() => optimizer.step({ step: 0, samples: 1 })).toThrow("steps count from 1; this is step 0");
    expect(() => optimizer.step({ step: 1, samples: 0 })).toThrow("a number above 0, not 0");
    expect(() => optimizer.step({ step: 1, samples: 1, offset: 60, count: 2 })).toThrow(RangeError);
    expect(optimizer.parameters).toEqual(wave(elements, 1));
  });
});

describe("state", () => {
  it("has names", () => {
    expect(specs.map((spec) => Object.keys(createOptimizer(spec, 1).stateVectors()))).toEqual([
      [],
      ["sgd.momentum"],
      ["adam.first_moment", "adam.second_moment"],
      ["adamW.first_moment", "adamW.second_moment"],
      ["rmsProp.square_average", "rmsProp.gradient_average", "rmsProp.momentum"],
      ["lion.momentum"],
      ["adagrad.sum"],
    ]);
  });

  it("is refused from another optimizer or another model", () => {
    const optimizer = createOptimizer(adam(), 3);
    expect(() => optimizer.restoreState({ "sgd.momentum": [1, 2, 3] })).toThrow(
      expect.objectContaining({
        code: "CHECKPOINT_INVALID",
        message: "The optimizer state holds sgd.momentum; adam needs adam.first_moment, adam.second_moment.",
      }),
    );
    expect(() => createOptimizer(sgd({ learningRate: 1 }), 3).restoreState(optimizer.stateVectors())).toThrow("sgd needs nothing.");
    expect(() => optimizer.restoreState(createOptimizer(adam(), 4).stateVectors())).toThrow(
      "The optimizer state adam.first_moment has 4 values; the model has 3 parameters.",
    );
  });
});

describe("settings", () => {
  it("are filled in", () => {
    const moments = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    expect(createOptimizer(adam(), 1).settings).toEqual({ kind: "adam", ...moments, weightDecay: 0 });
    expect(createOptimizer(adamW(), 1).settings).toEqual({ kind: "adamW", ...moments, weightDecay: 0.01 });
    expect(createOptimizer(sgd({ learningRate: 0.5 }), 1).settings).toEqual({
      ...{ kind: "sgd", learningRate: 0.5, momentum: 0, dampening: 0, nesterov: false, weightDecay: 0 },
    });
  });

  it("stay the same when they are checked twice", () => {
    for (const spec of specs) {
      const once = optimizerSpecSchema.parse(spec);
      expect(optimizerSpecSchema.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
    }
  });

  it.each<[unknown, string, string]>([
    [{ kind: "sgd" }, "learningRate", "expected a number above 0"],
    [{ kind: "sgd", learningRate: 0 }, "learningRate", "expected a number above 0"],
    [{ kind: "sgd", learningRate: NaN }, "learningRate", "expected a number above 0"],
    [{ kind: "sgd", learningRate: "0.1" }, "learningRate", "expected a number above 0"],
    [{ kind: "adam", learningRate: Infinity }, "learningRate", "expected a number above 0"],
    [{ kind: "sgd", learningRate: 1, momentum: 1 }, "momentum", "expected a number from 0 to less than 1"],
    [{ kind: "sgd", learningRate: 1, nesterov: true }, "nesterov", "needs a momentum above 0 and no dampening"],
    [{ kind: "sgd", learningRate: 1, momentum: 0.5, dampening: 0.5, nesterov: true }, "nesterov", "no dampening"],
    [{ kind: "adam", beta2: -0.1 }, "beta2", "expected a number from 0 to less than 1"],
    [{ kind: "adam", epsilon: 0 }, "epsilon", "expected a small number such as 1e-8"],
    [{ kind: "adamW", weightDecay: -1 }, "weightDecay", "expected a number, 0 or above"],
    [{ kind: "adam", lr: 0.1 }, "", "unknown: lr; adam takes learningRate, beta1, beta2, epsilon, weightDecay"],
    [{ kind: "rmsprop" }, "kind", "expected an optimizer made by sgd, adam, adamW, rmsProp, lion or adagrad"],
    ["adam", "", "expected an optimizer made by sgd, adam, adamW, rmsProp, lion or adagrad"],
  ])("%j is refused with what was expected", (spec, path, message) => {
    const parsed = optimizerSpecSchema.safeParse(spec);
    const issues = parsed.error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join("."))).toContain(path);
    expect(issues.map((issue) => issue.message).join("\n")).toContain(message);
    expect(() => createOptimizer(spec as OptimizerSpec, 1)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining(message) }),
    );
  });
});
