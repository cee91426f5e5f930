// Parameter groups and clipping: who is trained how, and what is left of a gradient that is too large.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradientPrefix, parameterSlots, trainingGraph, withFrozen } from "../src/graph/index.ts";
import { crossEntropy, dense, forwardGraph, relu, sequential } from "../src/model/index.ts";
import {
  adamW,
  clipScale,
  createOptimizer,
  optimizerSpecSchema,
  sgd,
  vectorParts,
  type OptimizerSpec,
  type ParameterGroup,
} from "../src/optimizer/index.ts";

const slots = [
  { name: "0.weight", offset: 0, elements: 6 },
  { name: "0.bias", offset: 6, elements: 2 },
  { name: "2.weight", offset: 8, elements: 4 },
  { name: "2.bias", offset: 12, elements: 2 },
];
const elements = 14;
const partsOf = (spec: OptimizerSpec, groups: readonly ParameterGroup[]) =>
  vectorParts(optimizerSpecSchema.parse(spec), groups, slots);
const wave = (length: number, phase: number) => Float32Array.from({ length }, (_, i) => Math.sin(phase + 1.7 * i) * 2);

describe("the parts of the flat vector", () => {
  it("are one where there are no groups", () =>
    expect(partsOf(adamW(), [])).toEqual([{ offset: 0, count: elements, rateFactor: 1, weightDecay: 0.01, frozen: false }]));

  it("follow the names, and neighbours that are trained alike are one part", () => {
    const groups = [
      { parameters: "*.bias", weightDecay: 0 },
      { parameters: ["2.weight", "2.bias"], learningRate: 1e-4 },
    ];
    expect(partsOf(adamW({ learningRate: 1e-3 }), groups)).toEqual([
      { offset: 0, count: 6, rateFactor: 1, weightDecay: 0.01, frozen: false },
      { offset: 6, count: 2, rateFactor: 1, weightDecay: 0, frozen: false },
      { offset: 8, count: 4, rateFactor: 0.1, weightDecay: 0.01, frozen: false },
      { offset: 12, count: 2, rateFactor: 0.1, weightDecay: 0, frozen: false },
    ]);
    expect(
      partsOf(adamW(), [{ parameters: "0.*", frozen: true }]).map(({ offset, count, frozen }) => [offset, count, frozen]),
    ).toEqual([
      [0, 8, true],
      [8, 6, false],
    ]);
  });

  it("take each setting from the last group that has it", () => {
    const groups = [
      { parameters: "*", frozen: true, weightDecay: 0.5 },
      { parameters: "2.*", frozen: false },
    ];
    const parts = partsOf(adamW(), groups);
    expect(parts.map(({ frozen, weightDecay }) => [frozen, weightDecay])).toEqual([
      [true, 0.5],
      [false, 0.5],
    ]);
  });

  it("take a dot for a dot", () => {
    const odd = [
      { name: "a.b", offset: 0, elements: 1 },
      { name: "axb", offset: 1, elements: 1 },
    ];
    const parts = vectorParts(optimizerSpecSchema.parse(adamW()), [{ parameters: "a.b", weightDecay: 0 }], odd);
    expect(parts.map(({ weightDecay }) => weightDecay)).toEqual([0, 0.01]);
  });

  it("are refused where a pattern matches nothing, or nothing is left to train", () => {
    expect(() => partsOf(adamW(), [{ parameters: "*.bias" }, { parameters: ["0.*", "*.biass"] }])).toThrow(
      expect.objectContaining({
        code: "RUN_FILE_INVALID",
        message:
          'parameterGroups[1].parameters: "*.biass" matches no parameter of the model, which has 0.weight, 0.bias, 2.weight, 2.bias',
      }),
    );
    expect(() => partsOf(adamW(), [{ parameters: "*", frozen: true }])).toThrow("there is nothing to train");
  });
});

describe("a step with groups", () => {
  it("trains each part as an optimizer of its own would, however the vector is cut", () => {
    const spec = adamW({ learningRate: 0.02, weightDecay: 0.3 });
    const groups = [
      { parameters: "*.bias", weightDecay: 0 },
      { parameters: "2.*", learningRate: 0.05 },
      { parameters: "0.bias", frozen: true },
    ];
    const own = [
      adamW({ learningRate: 0.02, weightDecay: 0.3 }),
      undefined,
      adamW({ learningRate: 0.05, weightDecay: 0.3 }),
      adamW({ learningRate: 0.05, weightDecay: 0 }),
    ];
    fc.assert(
      fc.property(fc.integer({ min: 1, max: elements - 1 }), (cut) => {
        const together = createOptimizer(spec, elements, { parts: partsOf(spec, groups) });
        together.parameters.set(wave(elements, 1));
        const alone = slots.map(({ offset, elements: count }, i) => {
          const optimizer = own[i] && createOptimizer(own[i], count);
          optimizer?.parameters.set(wave(elements, 1).subarray(offset, offset + count));
          return optimizer;
        });
        for (const step of [1, 2, 3]) {
          together.gradients.set(wave(elements, step + 1));
          together.step({ step, samples: 5, offset: 0, count: cut });
          together.step({ step, samples: 5, offset: cut });
          slots.forEach(({ offset, elements: count }, i) => {
            alone[i]?.gradients.set(wave(elements, step + 1).subarray(offset, offset + count));
            alone[i]?.step({ step, samples: 5 });
          });
        }
        slots.forEach(({ offset, elements: count }, i) => {
          const found = together.parameters.slice(offset, offset + count);
          const expected = alone[i]?.parameters ?? wave(elements, 1).subarray(offset, offset + count);
          // A part's rate is a product, which may differ from the rate itself in its last bit.
          found.forEach((value, j) => expect(Math.abs(value - expected[j])).toBeLessThan(1e-6));
        });
        expect(together.parameters.slice(6, 8)).toEqual(wave(elements, 1).slice(6, 8));
      }),
      { numRuns: 20 },
    );
  });

  it("leaves frozen parameters out of the norm", () => {
    const spec = sgd({ learningRate: 1 });
    const optimizer = createOptimizer(spec, elements, { parts: partsOf(spec, [{ parameters: "0.*", frozen: true }]) });
    optimizer.gradients.fill(3);
    optimizer.gradients[0] = NaN;
    expect(optimizer.trainedElements).toBe(6);
    expect(optimizer.squaredGradientNorm({ samples: 3 })).toBeCloseTo(6, 10);
    expect(optimizer.step({ step: 1, samples: 3 }).squaredGradientNorm).toBeCloseTo(6, 10);
  });

  it("takes no parts that leave gaps", () => {
    const part = { rateFactor: 1, weightDecay: 0, frozen: false };
    for (const parts of [[{ offset: 0, count: 3, ...part }], [{ offset: 1, count: 3, ...part }], []])
      expect(() => createOptimizer(sgd({ learningRate: 1 }), 4, { parts })).toThrow("do not make up a vector of 4 values");
  });
});

describe("a frozen parameter", () => {
  const data = { features: { shape: [3], scale: 1, shift: 0 }, labels: { kind: "classes", count: 2 } } as const;
  const graph = forwardGraph({ model: sequential(dense(4), relu(), dense(2)), loss: crossEntropy(), data });

  it("has no gradient, and nothing is computed for one", () => {
    const names = parameterSlots(graph).map(({ name }) => name);
    const frozen = withFrozen(graph, names.slice(0, 2));
    expect(parameterSlots(frozen).map((slot) => slot.frozen)).toEqual([true, true, false, false]);
    const [whole, less] = [trainingGraph(graph, 5), trainingGraph(frozen, 5)];
    const matmuls = ({ nodes }: typeof whole) => nodes.filter(({ operation }) => operation === "matmul").length;
    // Forward two; backward one for each weight, and one through the second layer.
    expect([matmuls(whole), matmuls(less)]).toEqual([5, 3]);
    const withGradient = (outputs: object) => names.filter((name) => Object.hasOwn(outputs, gradientPrefix + name));
    expect([withGradient(whole.outputs), withGradient(less.outputs)]).toEqual([names, names.slice(2)]);
    expect(parameterSlots(withFrozen(frozen, [])).some((slot) => slot.frozen)).toBe(false);
  });
});

describe("clipping", () => {
  const spec = sgd({ learningRate: 1 });
  const gradient = [3, -4, 0, 12];

  it("by norm shortens what is too long, and nothing else", () => {
    expect(clipScale({ norm: 1 }, 0.5)).toBe(1);
    expect(clipScale({ norm: 1 }, 1)).toBe(1);
    expect(clipScale({ norm: 1 }, 4)).toBe(0.25);
    expect(clipScale({ norm: 1 }, 0)).toBe(1);
    expect(clipScale({ value: 1 }, 4)).toBe(1);
    expect(clipScale(undefined, 4)).toBe(1);
  });

  it("by norm keeps the direction", () => {
    const optimizer = createOptimizer(spec, 4, { clip: { norm: 6.5 } });
    optimizer.gradients.set(gradient.map((value) => 10 * value));
    const norm = Math.sqrt(optimizer.squaredGradientNorm({ samples: 10 }));
    expect(norm).toBeCloseTo(13, 6);
    const sums = optimizer.step({ step: 1, samples: 10, scale: clipScale({ norm: 6.5 }, norm) });
    expect(sums).toMatchObject({ squaredGradientNorm: 169, clippedValues: 0 });
    optimizer.parameters.forEach((value, i) => expect(value).toBeCloseTo(-gradient[i] / 2, 6));
  });

  it("by value moves each value into its bounds, and counts those that were outside", () => {
    const optimizer = createOptimizer(spec, 4, { clip: { value: 3.5 } });
    optimizer.gradients.set(gradient.map((value) => 10 * value));
    expect(optimizer.step({ step: 1, samples: 10 })).toMatchObject({ squaredGradientNorm: 169, clippedValues: 2 });
    expect([...optimizer.parameters]).toEqual([-3, 3.5, 0, -3.5]);
  });

  it("changes no bit of a gradient that is short enough", () => {
    const [plain, norm, value] = [undefined, { norm: 100 }, { value: 100 }].map((clip) => {
      const optimizer = createOptimizer(adamW(), 41, clip && { clip });
      optimizer.parameters.set(wave(41, 1));
      for (const step of [1, 2]) {
        optimizer.gradients.set(wave(41, step + 1));
        optimizer.step({ step, samples: 7, scale: clipScale(clip, 1) });
      }
      return optimizer.parameters;
    });
    expect(norm).toEqual(plain);
    expect(value).toEqual(plain);
  });
});
