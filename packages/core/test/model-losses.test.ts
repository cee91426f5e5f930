// Losses and metrics against closed forms and formulas in float64, at ordinary and at extreme logits.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { labelShape, type LabelDescription } from "../src/data/index.ts";
import { elementCount, evaluate, GraphBuilder, trainingGraph, withRows, type Graph, type Shape } from "../src/graph/index.ts";
import {
  accuracy,
  binaryCrossEntropy,
  categoricalCrossEntropy,
  crossEntropy,
  meanAbsoluteError,
  meanSquaredError,
  type Loss,
  type Metric,
} from "../src/model/index.ts";
import type { Reading } from "../src/model/index.ts";
import { failure } from "./model-support.ts";

const classes = (count: number): LabelDescription => ({ kind: "classes", count });
const positions = (count: number, ...shape: number[]): LabelDescription => ({ kind: "classes", count, shape });
const values = (...shape: number[]): LabelDescription => ({ kind: "values", shape });

/** A graph whose prediction is a parameter, so that gradients with respect to the prediction come out; one row. */
function graphOf(metric: Metric, sample: Shape, labels: LabelDescription, reading: Reading, rows = 1): Graph {
  const builder = new GraphBuilder(rows);
  const prediction = builder.emit("parameter", [], {
    name: "z",
    shape: [rows, ...sample],
    initialisation: { kind: "constant", value: 0 },
  });
  const value = builder.emit("input", [], { name: "labels", shape: labelShape(labels), batched: true });
  return builder.graph({
    loss: metric.build(prediction, labels.kind === "classes" ? { value, classes: labels.count } : { value }, reading),
  });
}

/** The metric of one sample or several. */
function score(
  metric: Metric,
  prediction: number[],
  sample: Shape,
  label: number[],
  labels: LabelDescription,
  reading: Reading,
): number[] {
  const rows = prediction.length / elementCount(sample);
  return [...evaluate(graphOf(metric, sample, labels, reading, rows), { labels: label }, prediction).loss.data];
}

const lossOf = (loss: Loss, prediction: number[], sample: Shape, label: number[], labels: LabelDescription): number =>
  score(loss, prediction, sample, label, labels, loss.reading)[0];

/** d loss / d prediction of one sample. */
function slope(loss: Loss, prediction: number[], sample: Shape, label: number[], labels: LabelDescription): number[] {
  const graph = trainingGraph(graphOf(loss, sample, labels, loss.reading), 1);
  return [...evaluate(graph, { labels: label, weights: [1] }, prediction)["gradient:z"].data];
}

const logit = fc.double({ min: -30, max: 30, noNaN: true });
const softmaxOf = (z: number[]): number[] => {
  const exponentials = z.map((value) => Math.exp(value - Math.max(...z)));
  return exponentials.map((value) => value / exponentials.reduce((a, b) => a + b));
};
const expectClose = (found: number[], expected: number[], digits = 10): void => {
  expect(found).toHaveLength(expected.length);
  found.forEach((value, i) => expect(value).toBeCloseTo(expected[i], digits));
};

describe("crossEntropy", () => {
  it("of equal logits is ln C, whatever the label", () => {
    for (const count of [2, 10, 1000]) {
      const z = new Array<number>(count).fill(3);
      expect(lossOf(crossEntropy(), z, [count], [count - 1], classes(count))).toBeCloseTo(Math.log(count), 10);
    }
  });

  it("matches −ln softmax(z)_y and its gradient softmax(z) − onehot(y)", () => {
    fc.assert(
      fc.property(fc.array(logit, { minLength: 2, maxLength: 6 }), fc.nat(), (z, pick) => {
        const y = pick % z.length;
        const p = softmaxOf(z);
        expect(lossOf(crossEntropy(), z, [z.length], [y], classes(z.length))).toBeCloseTo(-Math.log(p[y]), 8);
        expectClose(
          slope(crossEntropy(), z, [z.length], [y], classes(z.length)),
          p.map((value, i) => value - (i === y ? 1 : 0)),
        );
      }),
    );
  });

  it("stays exact at logits of ±1000", () => {
    expect(lossOf(crossEntropy(), [1000, -1000], [2], [0], classes(2))).toBeCloseTo(0, 12);
    expect(lossOf(crossEntropy(), [1000, -1000], [2], [1], classes(2))).toBe(2000);
    expect(slope(crossEntropy(), [1000, -1000], [2], [1], classes(2))).toEqual([1, -1]);
    expectClose(slope(crossEntropy(), [-1000, -1000], [2], [1], classes(2)), [0.5, -0.5]);
  });

  it("takes the mean over the positions of a sample, and so does accuracy", () => {
    const z = [1000, -1000, 0, 0, 5, 5];
    expect(lossOf(crossEntropy(), z, [3, 2], [1, 1, 0], positions(2, 3))).toBeCloseTo((2000 + 2 * Math.log(2)) / 3, 10);
    expectClose(slope(crossEntropy(), z, [3, 2], [1, 1, 0], positions(2, 3)), [1 / 3, -1 / 3, 1 / 6, -1 / 6, -1 / 6, 1 / 6]);
    const right = (labels: number[]) => score(accuracy(), z, [3, 2], labels, positions(2, 3), "classLogits");
    expectClose([...right([0, 0, 0]), ...right([1, 0, 0]), ...right([1, 1, 1])], [1, 2 / 3, 0]);
    // Two samples.
    expectClose(score(accuracy(), [...z, ...z], [3, 2], [0, 0, 0, 1, 1, 0], positions(2, 3), "classLogits"), [1, 1 / 3]);
  });

  it("agrees with the value that PyTorch's documentation leads to: z = (1, 2, 3), y = 2", () => {
    expect(lossOf(crossEntropy(), [1, 2, 3], [3], [2], classes(3))).toBeCloseTo(0.40760596444438, 13);
  });

  it("says what it expects", () => {
    const build = (sample: Shape, labels: LabelDescription) => () => graphOf(crossEntropy(), sample, labels, "classLogits");
    expect(failure(build([10], values(3)))).toBe(
      "MODEL_INVALID: crossEntropy: expected labels that name a class; these are values ([3] for each sample) → " +
        "Use categoricalCrossEntropy() for probabilities of classes, meanSquaredError() for other values.",
    );
    expect(failure(build([5], classes(10)))).toBe(
      "MODEL_INVALID: crossEntropy: the model's output is [5] for each sample, but there are 10 classes; expected [10] → " +
        "End the model with dense(10), or state the data's classes.",
    );
    expect(failure(build([28, 10], classes(10)))).toContain("the model's output is [28, 10] for each sample");
    expect(failure(build([], classes(10)))).toContain("the model's output is one number for each sample");
    expect(failure(build([1], classes(2)))).toContain("End the model with dense(2), or use binaryCrossEntropy().");
    expect(failure(build([5], positions(5, 7)))).toBe(
      "MODEL_INVALID: crossEntropy: the model's output is [5] for each sample, but the labels name one of 5 classes at each of [7] " +
        "positions; expected [7, 5] → Keep a vector for each position, without flatten(), up to dense(5) as the last layer.",
    );
    expect(failure(build([5], positions(5, 1)))).toContain("give labels without the dimension of 1: labels[:, 0] in NumPy");
  });
});

describe("categoricalCrossEntropy", () => {
  it("of one-hot labels and of class indices is the cross-entropy", () => {
    const z = [0.3, -1, 2];
    const expected = lossOf(crossEntropy(), z, [3], [1], classes(3));
    expect(lossOf(categoricalCrossEntropy(), z, [3], [0, 1, 0], values(3))).toBe(expected);
    expect(lossOf(categoricalCrossEntropy(), z, [3], [1], classes(3))).toBe(expected);
  });

  it("matches −Σ y ln softmax(z) and its gradient softmax(z) − y", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(logit, fc.double({ min: 0.01, max: 1, noNaN: true })), { minLength: 2, maxLength: 5 }),
        (pairs) => {
          const z = pairs.map(([value]) => value);
          const total = pairs.reduce((sum, [, share]) => sum + share, 0);
          const y = pairs.map(([, share]) => share / total);
          const p = softmaxOf(z);
          const expected = -y.reduce((sum, share, i) => sum + share * Math.log(p[i]), 0);
          expect(lossOf(categoricalCrossEntropy(), z, [z.length], y, values(z.length))).toBeCloseTo(expected, 8);
          expectClose(
            slope(categoricalCrossEntropy(), z, [z.length], y, values(z.length)),
            p.map((value, i) => value - y[i]),
          );
        },
      ),
    );
  });

  it("takes the mean over the positions of a sample, and stays finite at ±1000", () => {
    const z = [1000, -1000, 0, 0];
    expect(lossOf(categoricalCrossEntropy(), z, [2, 2], [0, 1, 1, 0], values(2, 2))).toBeCloseTo((2000 + Math.log(2)) / 2, 10);
    expect(slope(categoricalCrossEntropy(), z, [2, 2], [0, 1, 1, 0], values(2, 2))).toEqual([0.5, -0.5, -0.25, 0.25]);
  });

  it("says what it expects", () => {
    const build = (sample: Shape, labels: LabelDescription) => () =>
      graphOf(categoricalCrossEntropy(), sample, labels, "classLogits");
    expect(failure(build([1], values(1)))).toContain("the model has one output; expected one for each class, at least two");
    expect(failure(build([], values()))).toContain("the model has one output");
    expect(failure(build([4], values(3)))).toBe(
      "MODEL_INVALID: categoricalCrossEntropy: the model's output is [4] for each sample, but the label is [3] → " +
        "End the model with a layer that gives [3], or correct the label columns of the data.",
    );
    expect(failure(build([4], classes(3)))).toContain("but the labels are of 3 classes → End the model with dense(3).");
    expect(failure(build([4], classes(2)))).toContain("End the model with dense(1) or dense(2).");
  });
});

describe("binaryCrossEntropy", () => {
  it("matches −y ln σ(z) − (1 − y) ln(1 − σ(z)) and its gradient σ(z) − y", () => {
    fc.assert(
      fc.property(fc.double({ min: -12, max: 12, noNaN: true }), fc.constantFrom(0, 1, 0.25), (z, y) => {
        const p = 1 / (1 + Math.exp(-z));
        const expected = -y * Math.log(p) - (1 - y) * Math.log(1 - p);
        expect(lossOf(binaryCrossEntropy(), [z], [1], [y], values(1))).toBeCloseTo(expected, 9);
        expect(slope(binaryCrossEntropy(), [z], [1], [y], values(1))[0]).toBeCloseTo(p - y, 12);
      }),
    );
  });

  it("is ln 2 at a logit of 0, and exact at ±1000", () => {
    expect(lossOf(binaryCrossEntropy(), [0], [1], [1], classes(2))).toBe(Math.LN2);
    expect(lossOf(binaryCrossEntropy(), [1000], [1], [1], classes(2))).toBe(0);
    expect(lossOf(binaryCrossEntropy(), [1000], [1], [0], classes(2))).toBe(1000);
    expect(lossOf(binaryCrossEntropy(), [-1000], [1], [1], classes(2))).toBe(1000);
    expect(slope(binaryCrossEntropy(), [-1000], [1], [1], classes(2))).toEqual([-1]);
    expect(slope(binaryCrossEntropy(), [1000], [1], [1], classes(2))).toEqual([0]);
  });

  it("accepts labels without the last dimension of 1, and several values", () => {
    expect(lossOf(binaryCrossEntropy(), [0], [1], [1], values())).toBe(Math.LN2);
    expect(lossOf(binaryCrossEntropy(), [0], [], [1], values(1))).toBe(Math.LN2);
    expect(lossOf(binaryCrossEntropy(), [0, 1000], [2], [1, 0], values(2))).toBeCloseTo((Math.LN2 + 1000) / 2, 10);
    expect(lossOf(binaryCrossEntropy(), [0, 0], [2], [1], classes(2))).toBe(Math.LN2);
  });

  it("says what it expects", () => {
    expect(failure(() => graphOf(binaryCrossEntropy(), [3], classes(3), "binaryLogits"))).toBe(
      "MODEL_INVALID: binaryCrossEntropy: expected labels of two classes; there are 3 → Use crossEntropy(), with dense(3) as the last layer.",
    );
    expect(failure(() => graphOf(binaryCrossEntropy(), [3], values(2), "binaryLogits"))).toContain("but the label is [2]");
  });
});

describe("meanSquaredError and meanAbsoluteError", () => {
  it("are means over the values of a sample", () => {
    expect(lossOf(meanSquaredError(), [1, 2, 3], [3], [1, 0, 6], values(3))).toBeCloseTo(13 / 3, 14);
    expectClose(slope(meanSquaredError(), [1, 2, 3], [3], [1, 0, 6], values(3)), [0, 4 / 3, -2], 14);
    expect(score(meanAbsoluteError(), [1, 2, 3], [3], [1, 0, 6], values(3), "values")[0]).toBeCloseTo(5 / 3, 14);
  });

  it("compare [rows, 1] with [rows] sample by sample, without broadcasting", () => {
    expect(score(meanSquaredError(), [1, 2, 3], [1], [1, 2, 5], values(), "values")).toEqual([0, 0, 4]);
    expect(score(meanSquaredError(), [1, 2, 3], [], [1, 2, 5], values(1), "values")).toEqual([0, 0, 4]);
  });

  it("take class indices as one-hot codes, or as 0 and 1", () => {
    expect(lossOf(meanSquaredError(), [0, 1, 0], [3], [1], classes(3))).toBe(0);
    expect(lossOf(meanSquaredError(), [0, 1, 0], [3], [2], classes(3))).toBeCloseTo(2 / 3, 14);
    expect(lossOf(meanSquaredError(), [0.25], [1], [1], classes(2))).toBe(0.5625);
    expect(failure(() => graphOf(meanSquaredError(), [1], classes(3), "values"))).toContain("but the labels are of 3 classes");
    expect(failure(() => graphOf(meanSquaredError(), [], classes(3), "values"))).toContain("the model's output is one number");
  });

  it("as metrics beside logits compare probabilities", () => {
    expect(score(meanSquaredError(), [0, 0], [2], [1], classes(2), "classLogits")).toEqual([0.25]);
    expect(score(meanAbsoluteError(), [0], [1], [1], classes(2), "binaryLogits")).toEqual([0.5]);
  });

  it("do not fit labels of another shape", () => {
    expect(failure(() => graphOf(meanSquaredError(), [3], values(4), "values"))).toContain(
      "output is [3] for each sample, but the label is [4]",
    );
    expect(failure(() => graphOf(meanSquaredError(), [1, 3], values(3), "values"))).toContain("but the label is [3]");
  });
});

describe("accuracy", () => {
  it("asks whether the greatest output is the right class", () => {
    expect(score(accuracy(), [1, 5, 2, 9, 0, 0], [3], [1, 1], classes(3), "classLogits")).toEqual([1, 0]);
    expect(score(accuracy(), [1, 5, 2], [3], [0.1, 0.7, 0.2], values(3), "classLogits")).toEqual([1]);
    expect(score(accuracy(), [0.2, 0.7], [2], [1], classes(2), "values")).toEqual([1]);
  });

  it("asks whether a single output is on the right side of the threshold", () => {
    expect(score(accuracy(), [0.1, -0.1, 3], [1], [1, 1, 0], classes(2), "binaryLogits")).toEqual([1, 0, 0]);
    expect(score(accuracy({ threshold: 0.9 }), [1, 3], [1], [1, 1], classes(2), "binaryLogits")).toEqual([0, 1]);
    expect(score(accuracy(), [0.6, 0.4], [1], [1, 1], classes(2), "values")).toEqual([1, 0]);
    expect(score(accuracy(), [1, -1], [2], [1, 1], values(2), "binaryLogits")).toEqual([0.5]);
  });

  it("says where it makes no sense", () => {
    expect(failure(() => graphOf(accuracy(), [1], values(1), "values"))).toBe(
      "MODEL_INVALID: accuracy: the labels are values, of which none is simply right or wrong → " +
        "Use meanAbsoluteError() or meanSquaredError() for values.",
    );
    expect(failure(() => accuracy({ threshold: "half" as never }))).toContain('accuracy: threshold is "half"; expected a number');
  });
});

describe("every loss", () => {
  it("knows its metrics", () => {
    const kinds = (loss: Loss, labels: LabelDescription) => loss.defaultMetrics(labels).map((metric) => metric.kind);
    for (const loss of [crossEntropy(), categoricalCrossEntropy(), binaryCrossEntropy()])
      expect(kinds(loss, classes(2))).toEqual(["accuracy"]);
    expect(kinds(meanSquaredError(), classes(2))).toEqual(["accuracy"]);
    expect(kinds(meanSquaredError(), values(2))).toEqual(["meanAbsoluteError"]);
  });

  it("as a metric beside a loss that reads the output differently is refused", () => {
    expect(failure(() => graphOf(crossEntropy(), [2], classes(2), "values"))).toContain("Leave crossEntropy out of the metrics.");
    expect(failure(() => graphOf(binaryCrossEntropy(), [2], classes(2), "classLogits"))).toContain("Leave binaryCrossEntropy out");
    expect(failure(() => graphOf(categoricalCrossEntropy(), [2], classes(2), "binaryLogits"))).toContain(
      "Leave categoricalCrossEntropy out",
    );
  });

  it("gives one number for each sample, for any number of rows", () => {
    const builder = new GraphBuilder(2);
    const prediction = builder.emit("input", [], { name: "z", shape: [2, 3], batched: true });
    const value = builder.emit("input", [], { name: "labels", shape: [2, 3], batched: true });
    for (const loss of [meanSquaredError(), categoricalCrossEntropy(), binaryCrossEntropy()]) {
      const graph = builder.graph({ loss: loss.build(prediction, { value }, loss.reading) });
      const four = withRows(graph, 4);
      expect(four.nodes[four.outputs.loss].shape).toEqual([4]);
    }
  });
});
