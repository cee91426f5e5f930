// What predictions come to: who is right, the order of mistakes, the matrix, the fit; and what an output means.
import {
  classScores,
  readingOf,
  softmaxOf,
  binaryCrossEntropy,
  crossEntropy,
  dense,
  forwardGraph,
  meanSquaredError,
  sequential,
  softmax as softmaxLayer,
  type LabelDescription,
  type Loss,
} from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { assess, fitOf, type ClassAssessment, type ValueAssessment } from "../src/predict/assess.ts";
import { Choice } from "../src/predict/choice.ts";
import { confusedPairs, matrixOf } from "../src/predict/matrix.ts";
import { cellAfterKey } from "../src/shared/cell-after-key.ts";
import { scatterOf } from "../src/predict/scatter-path.ts";

const graphWith = (loss: Loss, labels: LabelDescription, ...layers: Parameters<typeof sequential>) =>
  forwardGraph({ model: sequential(...layers), loss, data: { features: { shape: [4], scale: 1, shift: 0 }, labels } });

const labelled = (count: number): LabelDescription => ({ kind: "classes", count });

describe("what an output means", () => {
  it.each([
    ["classLogits", graphWith(crossEntropy(), labelled(3), dense(3))],
    ["binaryLogits", graphWith(binaryCrossEntropy(), labelled(2), dense(1))],
    ["values", graphWith(meanSquaredError(), labelled(3), dense(3))],
    ["values", graphWith(meanSquaredError(), labelled(3), dense(3), softmaxLayer())],
    ["values", graphWith(meanSquaredError(), { kind: "values", shape: [] }, dense(1))],
  ] as const)("is %s, as the graph's loss takes it", (reading, graph) => expect(readingOf(graph)).toBe(reading));

  it("is made probabilities without overflow", () => {
    expect(Array.from(softmaxOf([1000, 1000]))).toEqual([0.5, 0.5]);
    expect(softmaxOf([0, Math.log(3)])[1]).toBeCloseTo(0.75, 12);
    expect(Array.from(classScores([0], "binaryLogits"))).toEqual([0.5, 0.5]);
    expect(classScores([800], "binaryLogits")[1]).toBe(1);
    expect(classScores([-800], "binaryLogits")[1]).toBe(0);
    expect(Array.from(classScores([0.25], "values"))).toEqual([0.75, 0.25]);
  });
});

/** Samples of three classes: right and sure, wrong and sure, right and unsure, wrong and unsure. */
const outputs = Float32Array.of(5, 0, 0, 6, 0, 0, 0.1, 0.2, 0, 1, 0.9, 0);
const labels = Float32Array.of(0, 1, 1, 1);
const classified = assess({
  labelKind: "classes",
  reading: "classLogits",
  count: 4,
  outputs,
  outputWidth: 3,
  labels,
}) as ClassAssessment;

describe("classes", () => {
  it("are counted, and the worst come first", () => {
    expect(Array.from(classified.predicted)).toEqual([0, 0, 1, 0]);
    expect(classified.right).toBe(2);
    expect(classified.order).toEqual([1, 2, 3, 0].sort((a, b) => lossOf(b) - lossOf(a)));
    expect(classified.order[0]).toBe(1);
    expect(classified.score[0]).toBeCloseTo(softmaxOf([5, 0, 0])[0], 6);
  });

  it("are counted only as far as the model was asked", () => {
    const half = assess({ labelKind: "classes", reading: "classLogits", count: 2, outputs, outputWidth: 3, labels });
    expect(half).toMatchObject({ count: 2, right: 1, order: [1, 0] });
  });

  it("put a diverged model's samples in some order", () => {
    const nan = assess({
      labelKind: "classes",
      reading: "classLogits",
      count: 4,
      outputs: outputs.map(() => NaN),
      outputWidth: 3,
      labels,
    });
    expect([...nan.order].sort()).toEqual([0, 1, 2, 3]);
  });

  it("become a matrix with the true classes as rows", () => {
    const matrix = matrixOf(classified, 3);
    expect(matrix.map((row) => row.map(({ count }) => count))).toEqual([
      [1, 0, 0],
      [2, 1, 0],
      [0, 0, 0],
    ]);
    expect(matrix[1][0].share).toBeCloseTo(2 / 3);
    expect(matrix[2][2].share).toBe(0);
    expect(confusedPairs(classified, 5)).toEqual([{ truth: 1, predicted: 0, count: 2 }]);
  });

  it("are filtered by mistake and by cell", () => {
    const choice = new Choice();
    expect(choice.of(classified)).toEqual(classified.order);
    choice.show("mistakes");
    expect([...choice.of(classified)].sort()).toEqual([1, 3]);
    choice.toggle({ truth: 1, predicted: 1 });
    expect(choice.of(classified)).toEqual([2]);
    choice.toggle({ truth: 2, predicted: 0 });
    expect(choice.of(classified)).toEqual([]);
    expect(choice.noneWords(classified, String)).toBe("None of these 4 samples is a 2 that is taken for 0.");
    choice.toggle({ truth: 2, predicted: 0 });
    expect(choice.cell).toBeUndefined();
  });
});

function lossOf(sample: number): number {
  return -Math.log(softmaxOf(outputs.subarray(3 * sample, 3 * sample + 3))[labels[sample]]);
}

it("moves through the matrix with the arrow keys, and not beyond", () => {
  expect(cellAfterKey("ArrowDown", { truth: 0, predicted: 1 }, 3)).toEqual({ truth: 1, predicted: 1 });
  expect(cellAfterKey("ArrowUp", { truth: 0, predicted: 1 }, 3)).toEqual({ truth: 0, predicted: 1 });
  expect(cellAfterKey("End", { truth: 0, predicted: 1 }, 3)).toEqual({ truth: 0, predicted: 2 });
  expect(cellAfterKey("a", { truth: 0, predicted: 1 }, 3)).toBeUndefined();
});

describe("values", () => {
  const valued = assess({
    labelKind: "values",
    reading: "values",
    count: 3,
    outputs: Float32Array.of(1, 10, 2, 20, 6, 30),
    outputWidth: 2,
    labels: Float32Array.of(1, 10, 2, 21, 3, 30),
  }) as ValueAssessment;

  it("are ordered by how far off they are", () => expect(valued.order).toEqual([2, 1, 0]));

  it("have an error and a share of variance that is explained", () => {
    expect(fitOf(valued, 0)).toEqual({ error: 1, explained: 1 - 9 / 2 });
    expect(fitOf(valued, 1).error).toBeCloseTo(1 / 3);
  });

  it("are drawn on axes that are alike", () => {
    const { least, most, path } = scatterOf(valued, 0);
    expect([least, most]).toEqual([1, 6]);
    expect(path).toBe("M0.0 100.0h0M20.0 80.0h0M40.0 0.0h0");
  });

  it("that are all one number, or none, are drawn too", () => {
    const one = { ...valued, truth: Float32Array.of(2, 0), predicted: Float32Array.of(2, 0) };
    expect(scatterOf(one, 0)).toMatchObject({ least: 1.5, most: 2.5, path: "M50.0 50.0h0" });
    const none = { ...valued, predicted: valued.predicted.map(() => NaN) };
    expect(scatterOf(none, 0)).toEqual({ least: 0, most: 1, path: "" });
  });
});
