// Batch normalisation over microbatches: against PyTorch and central differences, and that evaluation goes by the running statistics.
import { describe, expect, it } from "vitest";
import {
  evaluate,
  evaluationGraph,
  gradientPrefix,
  graphFromJson,
  graphToJson,
  inferenceGraph,
  parameterSlots,
  trainingGraph,
  withFrozen,
  type Graph,
} from "../src/graph/index.ts";
import { batchNorm, crossEntropy, dense, forwardGraph, meanSquaredError, sequential, tanh } from "../src/model/index.ts";
import { createOptimizer, optimizerSpecSchema, sgd, vectorParts } from "../src/optimizer/index.ts";

const expectClose = (found: ArrayLike<number>, expected: readonly number[], digits = 8): void => {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, digits));
};

// torch 1.13, in float64: X = sin(arange(1, 25)).reshape(4, 2, 3), bn = nn.BatchNorm1d(2) with weight [1.5, -0.5] and bias [0.1, 0.2].
const x = Array.from({ length: 24 }, (_, i) => Math.sin(i + 1));
const affine = [1.5, -0.5, 0.1, 0.2];
const data = { features: { shape: [2, 3], scale: 1, shift: 0 }, labels: { kind: "values", shape: [2, 3] } } as const;
const tabular = { features: { shape: [3], scale: 1, shift: 0 }, labels: { kind: "classes", count: 2 } } as const;
const layerOnly = (microbatchSize?: number): Graph =>
  forwardGraph({ model: batchNorm(), loss: meanSquaredError(), data, ...(microbatchSize && { microbatchSize }) });

/** What trains on one batch, in float64, by the parameters. */
function training(forward: Graph, features: readonly number[], labels: readonly number[], weights: readonly number[]) {
  const graph = trainingGraph(forward, weights.length);
  return (parameters: readonly number[]) => {
    const outputs = evaluate(graph, { features, labels, weights }, parameters);
    return { loss: outputs.loss.data[0], gradient: (name: string) => outputs[gradientPrefix + name]?.data };
  };
}

const trained = (
  forward: Graph,
  parameters: readonly number[],
  ...batch: [readonly number[], readonly number[], readonly number[]]
) => training(forward, ...batch)(parameters);

describe("batchNorm", () => {
  it("has the parameters that PyTorch's has", () => {
    const slots = (layer: ReturnType<typeof batchNorm>) =>
      parameterSlots(forwardGraph({ model: sequential(dense(4), layer, dense(2)), loss: crossEntropy(), data: tabular })).map(
        ({ name, shape, initialisation, momentum }) => [name, shape, (initialisation as { value: number }).value, momentum],
      );
    const statistics = [
      ["1.running_mean", [4], 0, 0.1],
      ["1.running_var", [4], 1, 0.1],
    ];
    expect(slots(batchNorm()).slice(2, -2)).toEqual([
      ["1.weight", [4], 1, undefined],
      ["1.bias", [4], 0, undefined],
      ...statistics,
    ]);
    expect(slots(batchNorm({ affine: false })).slice(2, -2)).toEqual(statistics);
  });

  it("normalises a whole microbatch as bn(X) in training", () => {
    const y = [1.02114444903, 1.36399665783, -2.51902177772, 0.368009410226, 0.6953280279, -0.40507725311];
    const forward = layerOnly(4);
    const graph = trainingGraph(forward, 4);
    const all = { features: x, labels: Array<number>(24).fill(0), weights: [1, 1, 1, 1] };
    const zero = evaluate(graph, all, [...affine, 0, 0, 1, 1]);
    // One label more or less by 1: the difference of the losses says what Y is there.
    y.forEach((value, i) => {
      const labels = all.labels.with(i, 1);
      const one = evaluate(graph, { ...all, labels }, [...affine, 0, 0, 1, 1]);
      expect((6 * (zero.loss.data[0] - one.loss.data[0]) + 1) / 2).toBeCloseTo(value, 8);
    });
  });

  it("has the gradients of (bn(X) * cos(arange(24)).reshape(4, 2, 3)).sum(), and moves the statistics as PyTorch does", () => {
    // With labels Y − 3 cos, the gradient of the mean of squares is cos.
    const y = whole();
    const labels = y.map((value, i) => value - 3 * Math.cos(i));
    const { gradient } = trained(layerOnly(4), [...affine, 0, 0, 1, 1], x, labels, [1, 1, 1, 1]);
    expectClose(gradient("weight"), [3.03373227028, 2.00999206223]);
    expectClose(gradient("bias"), [6.63786932314, -7.17878386316]);
    // bn.running_mean, bn.running_var after one call, from 0 and 1.
    expectClose(
      Array.from(gradient("running_mean"), (sum) => 0 - (0.1 * sum) / 4),
      [0.0659241006824, -0.06530553862],
    );
    expectClose(
      Array.from(gradient("running_var"), (sum) => 1 - (0.1 * sum) / 4),
      [0.909605189225, 0.910398431102],
    );
  });

  it("takes each microbatch of a batch by itself, and no padding with it", () => {
    // The first microbatch is X[:2]; of the second one only X[2] is there, and what stands in the padding does not matter.
    const labels = Array.from({ length: 24 }, (_, i) => Math.cos(i));
    const parameters = [...affine, 0.3, -0.2, 2, 0.5];
    const apart = [
      trained(layerOnly(2), parameters, x.slice(0, 12), labels.slice(0, 12), [1, 1]),
      trained(layerOnly(1), parameters, x.slice(12, 18), labels.slice(12, 18), [1]),
    ];
    const features = x.map((value, i) => (i < 18 ? value : 1e3));
    const together = trained(layerOnly(2), parameters, features, labels, [1, 1, 1, 0]);
    expect(together.loss).toBeCloseTo(apart[0].loss + apart[1].loss, 10);
    for (const name of ["weight", "bias", "running_mean", "running_var"]) {
      const sums = Array.from(apart[0].gradient(name), (value, i) => value + apart[1].gradient(name)[i]);
      expectClose(together.gradient(name), sums);
    }
    // bn(X[:2]) from 0 and 1.
    const { gradient } = trained(layerOnly(2), [...affine, 0, 0, 1, 1], x.slice(0, 12), labels.slice(0, 12), [1, 1]);
    expectClose(
      Array.from(gradient("running_mean"), (sum) => 0 - (0.1 * sum) / 2),
      [0.065839195838, -0.0679287750602],
    );
    expectClose(
      Array.from(gradient("running_var"), (sum) => 1 - (0.1 * sum) / 2),
      [0.910684660743, 0.90771235184],
    );
  });

  it("has gradients, and moves of its statistics, that are as many times as large as the weights where the loss is scaled", () => {
    const at = (scale: number) =>
      trained(layerOnly(2), [...affine, 0.3, -0.2, 2, 0.5], x, Array<number>(24).fill(1), [scale, scale, scale, 0]);
    const [once, scaled] = [at(1), at(1024)];
    for (const name of ["weight", "bias", "running_mean", "running_var"])
      expectClose(
        Array.from(scaled.gradient(name), (value) => value / 1024),
        [...once.gradient(name)],
      );
  });

  it("goes by the running statistics in evaluation and prediction, for any number of rows, as bn.eval() does", () => {
    // bn.eval()(X) after one bn(X).
    const expected = [1.31974898396, 1.4264236871, 0.218265103687, 0.562361580733, 0.668278412552, 0.312198938948];
    const parameters = [...affine, 0.0659241006824, -0.06530553862, 0.909605189225, 0.910398431102];
    const forward = graphFromJson(graphToJson(layerOnly(4)));
    expect(forward.rows).toBe(4);
    for (const rows of [1, 2, 3]) {
      const features = x.slice(0, 6 * rows);
      const graph = inferenceGraph(forward, rows);
      expect(
        graph.nodes.some(
          ({ operation, attributes }) => operation === "input" && "name" in attributes && attributes.name === "weights",
        ),
      ).toBe(false);
      expectClose(evaluate(graph, { features }, parameters).prediction.data.slice(0, 6), expected);
      const labels = [...expected, ...Array<number>(6 * (rows - 1)).fill(0)];
      const weights = Array.from({ length: rows }, (_, row) => (row === 0 ? 1 : 0));
      expect(evaluate(evaluationGraph(forward, rows), { features, labels, weights }, parameters).loss.data[0]).toBeCloseTo(0, 10);
    }
  });
});

describe("gradients through the statistics of microbatches", () => {
  const build = (microbatchSize: number, affine: boolean, loss = crossEntropy()): Graph =>
    forwardGraph({
      model: sequential(dense(4), batchNorm({ affine, epsilon: 0.1 }), tanh(), dense(3), batchNorm({ epsilon: 0.1 }), dense(2)),
      ...{ loss, data: tabular, microbatchSize },
    });

  it.each([
    ["one", 3, [1, 1, 1]],
    ["one that is short", 4, [1, 1, 1, 0]],
    ["several", 2, [1, 1, 1, 1, 1, 1]],
    ["several, of which some are short or empty", 3, [1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0]],
  ])("agree with central differences: %s", (_, microbatchSize, weights) => {
    for (const forward of [build(microbatchSize, true), build(microbatchSize, false, crossEntropy({ classWeights: [1, 3] }))]) {
      const slots = parameterSlots(forward);
      const parameters = slots.flatMap(({ elements, offset }) =>
        Array.from({ length: elements }, (_, i) => Math.sin(1 + 3 * (offset + i))),
      );
      const features = Array.from({ length: 3 * weights.length }, (_, i) => 2 * Math.sin(5 * i));
      const labels = weights.map((_, i) => i % 2);
      const at = training(forward, features, labels, weights);
      for (const { name, elements, offset } of slots.filter(({ momentum }) => momentum === undefined)) {
        const found = at(parameters).gradient(name);
        for (let i = offset; i < offset + elements; i++) {
          const loss = (delta: number): number => at(parameters.with(i, parameters[i] + delta)).loss;
          const expected = (loss(1e-5) - loss(-1e-5)) / 2e-5;
          expect(Math.abs(found[i - offset] - expected) / Math.max(1, Math.abs(expected)), name).toBeLessThan(5e-7);
        }
      }
    }
  });

  it("weigh the statistics as the loss weighs samples", () => {
    const model = batchNorm({ affine: true });
    const forward = forwardGraph({
      model: sequential(model, dense(2)),
      ...{ loss: crossEntropy({ classWeights: [1, 3] }), data: tabular, microbatchSize: 1 },
    });
    const parameters = Array<number>(6 + 6 + 8).fill(0);
    const { gradient } = trained(forward, parameters, [1, 2, 3, 10, 20, 30], [0, 1], [1, 1]);
    // 1 · (0 − x₀) + 3 · (0 − x₁), which the step divides by 4.
    expectClose(gradient("0.running_mean"), [-31, -62, -93]);
  });
});

describe("running statistics in a step", () => {
  const forward = forwardGraph({ model: sequential(batchNorm({ momentum: 0.25 }), dense(2)), loss: crossEntropy(), data: tabular });
  const slots = parameterSlots(forward);
  const spec = sgd({ learningRate: 2, momentum: 0.9, weightDecay: 0.5 });
  const make = (average?: { decay: number }) =>
    createOptimizer(spec, 20, {
      parts: vectorParts(optimizerSpecSchema.parse(spec), [{ parameters: "*", learningRate: 7, weightDecay: 0.1 }], slots),
      clip: { norm: 1 },
      ...(average && { average }),
    });

  it("move by their momentum, whatever the optimizer does, and count for no norm", () => {
    for (const optimizer of [make(), make({ decay: 0.9 })]) {
      optimizer.begin(new Float32Array(20).fill(1));
      for (const step of [1, 2]) {
        optimizer.gradients.fill(0).fill(8, 6, 12);
        expect(optimizer.squaredGradientNorm({ samples: 4 })).toBe(0);
        optimizer.step({ step, samples: 4, learningRate: 0.1, scale: 0.001, offset: 0, count: 9 });
        optimizer.step({ step, samples: 4, learningRate: 0.1, scale: 0.001, offset: 9 });
      }
      expect([...optimizer.parameters.subarray(6, 12)]).toEqual(Array(6).fill(0));
      expect([...optimizer.result.subarray(6, 12)]).toEqual(Array(6).fill(0));
      expect(optimizer.trainedElements).toBe(14);
    }
  });

  it("are not finite unnoticed", () => {
    const optimizer = make();
    optimizer.gradients[8] = Infinity;
    expect(optimizer.squaredGradientNorm({ samples: 4 })).toBeNaN();
    expect(optimizer.step({ step: 1, samples: 4 }).squaredParameterNorm).toBeNaN();
  });

  it("stay where they are if they are frozen", () => {
    const frozen = withFrozen(forward, ["0.running_mean"]);
    const { gradient } = trained(frozen, Array<number>(20).fill(1), [1, 2, 3], [0], [1]);
    expect(gradient("0.running_mean")).toBeUndefined();
    expect(gradient("0.running_var")[0]).not.toBe(0);
    expect(parameterSlots(frozen)[2]).toMatchObject({ name: "0.running_mean", frozen: true, momentum: 0.25 });
  });

  it("are nothing to train by themselves", () => {
    const groups = [{ parameters: ["*weight", "*bias"], frozen: true }];
    expect(() => vectorParts(optimizerSpecSchema.parse(spec), groups, slots)).toThrow("there is nothing to train");
  });
});

describe("what does not fit", () => {
  it("is said", () => {
    expect(() => batchNorm({ epsilon: 0 })).toThrow("batchNorm: epsilon is 0; expected a number above 0");
    for (const momentum of [0, 1.5, NaN, "0.1" as unknown as number])
      expect(() => batchNorm({ momentum })).toThrow("batchNorm: momentum is");
    const scalar = { ...tabular, features: { shape: [], scale: 1, shift: 0 } };
    expect(() => forwardGraph({ model: sequential(batchNorm()), loss: crossEntropy(), data: scalar })).toThrow("has no channels");
  });
});

/** bn(X), in plain arithmetic. */
function whole(): number[] {
  const of = (channel: number): number[] => x.filter((_, i) => Math.floor(i / 3) % 2 === channel);
  return x.map((value, i) => {
    const channel = Math.floor(i / 3) % 2;
    const values = of(channel);
    const mean = values.reduce((sum, one) => sum + one, 0) / 12;
    const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 12;
    return ((value - mean) / Math.sqrt(variance + 1e-5)) * affine[channel] + affine[2 + channel];
  });
}
