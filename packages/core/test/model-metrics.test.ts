// Losses whose samples do not count alike, and metrics that are no means: held against PyTorch's values and the definitions, and the
// same however the samples are divided among workers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LabelDescription } from "../src/data/index.ts";
import type { Sums } from "../src/engine/engine.ts";
import {
  evaluate,
  evaluationGraph,
  graphFromJson,
  graphToJson,
  sampleSums,
  trainingGraph,
  type Graph,
} from "../src/graph/index.ts";
import {
  accuracy,
  binaryCrossEntropy,
  categoricalCrossEntropy,
  confusionMatrix,
  crossEntropy,
  dense,
  f1,
  finishReport,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  perplexity,
  precision,
  rSquared,
  recall,
  reportedMetrics,
  runGraphs,
  topKAccuracy,
  type Loss,
  type Metric,
  type Report,
  type RunGraphs,
} from "../src/model/index.ts";
import { addSums } from "../src/reduction/index.ts";
import { failure } from "./model-support.ts";

interface Case {
  readonly loss: Loss;
  readonly metrics?: readonly Metric[];
  /** Of a sample's features, which are the prediction. */
  readonly shape: readonly number[];
  readonly labels: LabelDescription;
}

/** A model that says what it is given: a product with the identity. */
const graphsOf = ({ loss, metrics = [], shape, labels }: Case): RunGraphs =>
  runGraphs({
    model: dense(shape[shape.length - 1], { bias: false, flatten: false }),
    loss,
    metrics,
    data: { features: { shape, scale: 1, shift: 0 }, labels },
  });

const identity = (size: number): number[] => Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));

const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

function sumsOf(forward: Graph, { shape, labels }: Case, x: readonly number[], y: readonly number[]): Sums {
  const samples = x.length / product(shape);
  const inputs = { features: x, labels: y, weights: new Array<number>(samples).fill(1) };
  expect(y).toHaveLength(samples * product(labels.shape ?? []));
  const outputs = evaluate(evaluationGraph(forward, samples), inputs, identity(shape[shape.length - 1]));
  const [lossSum, ...metricSums] = sampleSums(forward).flatMap(({ name }) => [...outputs[name].data]);
  return { samples, lossSum, metricSums };
}

/** What is reported of these samples, computed all at once. */
function report(of: Case, x: readonly number[], y: readonly number[]): Report {
  const { forward, report: graph } = graphsOf(of);
  // As data, as a resumed run reads it.
  return finishReport(graphFromJson(graphToJson(graph)), sumsOf(forward, of, x, y));
}

const tokens = (count: number, positions: number): LabelDescription => ({ kind: "classes", count, shape: [positions] });
const classes = (count: number): LabelDescription => ({ kind: "classes", count });
const values = (...shape: number[]): LabelDescription => ({ kind: "values", shape });

// z = 3 · torch.sin(torch.arange(1, 25).double()).reshape(2, 3, 4), y as below, F.cross_entropy(z.reshape(6, 4), y.reshape(6), …).
const z = Array.from({ length: 24 }, (_, i) => 3 * Math.sin(i + 1));
const y = [0, 3, 1, 2, 1, 3];
const weights = [1, 2, 0.5, 3];
const sequence = (loss: Loss, metrics: readonly Metric[] = []): Case => ({ loss, metrics, shape: [3, 4], labels: tokens(4, 3) });

describe("crossEntropy with options", () => {
  it.each([
    ["nothing", {}, 2.6763383626341],
    ["label_smoothing=0.1", { labelSmoothing: 0.1 }, 2.6894370371366],
    ["weight", { classWeights: weights }, 3.0177484386941],
    ["ignore_index=1", { ignoreIndex: 1 }, 1.9925645194252],
    ["all of them", { classWeights: weights, labelSmoothing: 0.2, ignoreIndex: 3 }, 3.2373764811933],
  ])("computes F.cross_entropy with %s", (_, options, expected) => {
    expect(report(sequence(crossEntropy(options)), z, y).loss).toBeCloseTo(expected, 11);
  });

  it("has PyTorch's gradient", () => {
    const { forward, report: graph } = graphsOf(
      sequence(crossEntropy({ classWeights: weights, labelSmoothing: 0.2, ignoreIndex: 3 })),
    );
    const outputs = evaluate(trainingGraph(forward, 2), { features: z, labels: y, weights: [1, 1] }, identity(4));
    const metricSums = [outputs["metric:lossWeight"].data[0]];
    const { divisor } = finishReport(graph, { samples: 2, lossSum: outputs.loss.data[0], metricSums });
    // d F.cross_entropy(x @ W.T, …) / dW at W = I, its first row.
    [0.231626734055, -0.639561527168, -0.922739869802, -0.357555431573].forEach((slope, i) =>
      expect(outputs["gradient:weight"].data[i] / divisor).toBeCloseTo(slope, 9),
    );
  });

  it("counts what is ignored nowhere, in the metrics neither, and gives 0 where nothing is left", () => {
    const of = sequence(crossEntropy({ ignoreIndex: -1 }), [
      accuracy(),
      perplexity(),
      topKAccuracy({ k: 2 }),
      confusionMatrix(),
      recall(),
    ]);
    const some = report(of, z, [0, -1, -1, -1, 1, -1]);
    const alone = report({ ...of, shape: [1, 4], labels: tokens(4, 1) }, [...z.slice(0, 4), ...z.slice(16, 20)], [0, 1]);
    expect(some.loss).toBeCloseTo(alone.loss, 13);
    for (const name of Object.keys(alone.metrics)) expect(some.metrics[name]).toBeCloseTo(alone.metrics[name], 13);
    expect(some.tables).toEqual(alone.tables);
    const none = report(of, z, new Array<number>(6).fill(-1));
    expect(none).toMatchObject({ loss: 0, divisor: 1, metrics: { accuracy: 0, perplexity: 1, top2Accuracy: 0 } });
  });

  it("beside another loss is the same mean", () => {
    const weighted = crossEntropy({ classWeights: weights });
    const beside = report(sequence(categoricalCrossEntropy(), [weighted]), z, y);
    expect(beside.metrics.crossEntropy).toBeCloseTo(report(sequence(weighted), z, y).loss, 13);
    expect(reportedMetrics(graphsOf(sequence(weighted)).report)).toEqual([]);
  });

  it("says what is wrong", () => {
    expect(failure(() => crossEntropy({ labelSmoothing: 1 }))).toContain(
      "labelSmoothing is 1; expected a number from 0 to below 1",
    );
    expect(failure(() => crossEntropy({ classWeights: [1, -1] }))).toContain(
      "classWeights is [1,-1]; expected a number for each class",
    );
    expect(failure(() => crossEntropy({ classWeights: [0, 0] }))).toContain("not all 0");
    expect(failure(() => crossEntropy({ ignoreIndex: 0.5 }))).toContain("ignoreIndex is 0.5; expected a whole number");
    expect(failure(() => graphsOf(sequence(crossEntropy({ classWeights: [1, 2] }))))).toBe(
      "MODEL_INVALID: crossEntropy: there are 2 classWeights and 4 classes → Give one weight for each class.",
    );
  });
});

describe("the other losses", () => {
  it("binaryCrossEntropy computes F.binary_cross_entropy_with_logits with pos_weight=3", () => {
    const of: Case = { loss: binaryCrossEntropy({ positiveWeight: 3 }), shape: [3], labels: values(3) };
    expect(report(of, [0.5, -2, 3], [1, 0, 0]).loss).toBeCloseTo(1.5325821050523, 12);
    expect(report(of, [1000, -1000, 0], [1, 0, 1]).loss).toBeCloseTo(Math.log(2), 12);
    expect(failure(() => binaryCrossEntropy({ positiveWeight: 0 }))).toContain("positiveWeight is 0; expected a number above 0");
  });

  it("huber computes F.huber_loss with delta=1.5", () => {
    const of: Case = { loss: huber({ delta: 1.5 }), shape: [3], labels: values(3) };
    expect(report(of, [0.5, -3, 2], [0, 1, 2]).loss).toBeCloseTo(5 / 3, 12);
    expect(failure(() => huber({ delta: -1 }))).toContain("delta is -1; expected a number above 0");
  });

  it("meanAbsoluteError can be trained on", () => {
    const of: Case = { loss: meanAbsoluteError(), metrics: [meanSquaredError()], shape: [2], labels: values(2) };
    expect(report(of, [1, 2, 3, 4], [0, 0, 3, 8])).toMatchObject({ loss: 7 / 4, metrics: { meanSquaredError: 21 / 4 } });
  });

  it("categoricalCrossEntropy smooths, too", () => {
    const of: Case = { loss: categoricalCrossEntropy({ labelSmoothing: 0.1 }), shape: [3, 4], labels: tokens(4, 3) };
    expect(report(of, z, y).loss).toBeCloseTo(2.6894370371366, 11);
  });
});

describe("metrics of all samples", () => {
  // Rows are samples of three classes; what is said of them: 0, 0, 1, 2, 2, 2.
  const logits = [0, 0, 1, 2, 2, 2].flatMap((said) => [0, 1, 2].map((index) => (index === said ? 3 : index / 10)));
  const truth = [0, 1, 1, 2, 0, 2];
  const of = (metrics: Metric[]): Case => ({ loss: crossEntropy(), metrics, shape: [3], labels: classes(3) });

  it("confusionMatrix counts what was taken for what", () => {
    const { tables } = report(of([confusionMatrix()]), logits, truth);
    expect(tables.confusionMatrix).toEqual([
      [1, 0, 1],
      [1, 1, 0],
      [0, 0, 2],
    ]);
    expect(reportedMetrics(graphsOf(of([confusionMatrix(), accuracy()])).report)).toEqual(["accuracy"]);
  });

  it("say which of them are shares, and which tables confusion matrices", () => {
    const some = [accuracy(), topKAccuracy({ k: 2 }), precision(), recall(), f1(), confusionMatrix(), perplexity()];
    const share = "share" as const;
    expect(graphsOf(of([...some, f1({ average: "none" })])).forms).toEqual({
      ...{ accuracy: share, top2Accuracy: share, precision: share, recall: share, f1: share, classF1: "classShares" },
      confusionMatrix: "confusion",
    });
  });

  it("precision, recall and f1 are the mean over the classes, or of all counts", () => {
    const macro = report(of([precision(), recall(), f1()]), logits, truth).metrics;
    expect(macro.precision).toBeCloseTo((1 / 2 + 1 + 2 / 3) / 3, 13);
    expect(macro.recall).toBeCloseTo((1 / 2 + 1 / 2 + 1) / 3, 13);
    expect(macro.f1).toBeCloseTo((1 / 2 + 2 / 3 + 4 / 5) / 3, 13);
    const micro = report(of([precision({ average: "micro" }), f1({ average: "micro" })]), logits, truth).metrics;
    expect(micro.microPrecision).toBeCloseTo(4 / 6, 13);
    expect(micro.microF1).toBeCloseTo(4 / 6, 13);
  });

  it("precision, recall and f1 are weighted by how often each class is there, or stay one for each class, all of them at once", () => {
    const scores = [precision, recall, f1].flatMap((metric) =>
      (["weighted", "none", "macro"] as const).map((average) => metric({ average })),
    );
    // The classes are there 1, 3 and 2 times.
    const { metrics, tables } = report(of([...scores, f1()]), logits, [0, 1, 1, 2, 1, 2]);
    const expected = { Precision: [1 / 2, 1, 2 / 3], Recall: [1, 1 / 3, 1], F1: [2 / 3, 1 / 2, 4 / 5] };
    for (const [name, [a, b, c]] of Object.entries(expected)) {
      (tables[`class${name}`] as number[]).forEach((score, i) => expect(score).toBeCloseTo([a, b, c][i], 13));
      expect(metrics[`weighted${name}`]).toBeCloseTo((a + 3 * b + 2 * c) / 6, 13);
      expect(metrics[`macro${name}`]).toBeCloseTo((a + b + c) / 3, 13);
    }
    expect(metrics.f1).toBe(metrics.macroF1);
    expect(Object.keys(metrics)).toHaveLength(7);
  });

  it("leave classes out of a mean that neither labels nor answers are of", () => {
    const seen = of([recall(), f1({ average: "weighted" }), recall({ average: "none" })]);
    const { metrics, tables } = report(seen, logits.slice(0, 9), [0, 1, 1]);
    expect(metrics.recall).toBeCloseTo((1 + 1 / 2) / 2, 13);
    expect(metrics.weightedF1).toBeCloseTo((2 / 3 + 2 * (2 / 3)) / 3, 13);
    expect(tables.classRecall).toEqual([1, 1 / 2, 0]);
  });

  it("of a yes or no are of the yeses", () => {
    const binary: Case = {
      loss: binaryCrossEntropy(),
      metrics: [precision(), recall(), f1(), confusionMatrix()],
      shape: [1],
      labels: classes(2),
    };
    const { metrics, tables } = report(binary, [1, 2, -1, -2, 3], [1, 0, 1, 0, 1]);
    expect(metrics).toMatchObject({ precision: 2 / 3, recall: 2 / 3, f1: 2 / 3 });
    expect(tables.confusionMatrix).toEqual([
      [1, 1],
      [1, 2],
    ]);
    expect(report(binary, [-1, -2], [1, 1]).metrics).toEqual({ precision: 0, recall: 0, f1: 0 });
    // Unless they are asked for: no and yes, of which there are 2 and 3.
    const averages = (["none", "macro", "weighted", "micro"] as const).map((average) => recall({ average }));
    const both = report({ ...binary, metrics: averages }, [1, 2, -1, -2, 3], [1, 0, 1, 0, 1]);
    expect(both.tables).toEqual({ classRecall: [1 / 2, 2 / 3] });
    expect(both.metrics.macroRecall).toBeCloseTo((1 / 2 + 2 / 3) / 2, 13);
    expect(both.metrics.weightedRecall).toBeCloseTo(3 / 5, 13);
    expect(both.metrics.microRecall).toBeCloseTo(3 / 5, 13);
    const strict = { ...binary, metrics: [recall({ threshold: 0.9 })] };
    expect(report(strict, [1, 2, 3], [1, 1, 1]).metrics.recall).toBeCloseTo(1 / 3, 13);
  });

  it("topKAccuracy counts answers among the k greatest", () => {
    const metrics = [1, 2, 3].map((k) => topKAccuracy({ k }));
    const found = report(of(metrics), [3, 2, 1, 3, 2, 1, 3, 2, 1], [0, 1, 2]).metrics;
    expect(found).toEqual({ top1Accuracy: 1 / 3, top2Accuracy: 2 / 3, top3Accuracy: 1 });
  });

  it("perplexity is e to the mean over all labels", () => {
    const even = report({ ...of([perplexity()]), shape: [3] }, [0, 0, 0, 5, 5, 5], [0, 2]);
    expect(even.metrics.perplexity).toBeCloseTo(3, 12);
    const smoothed = report(sequence(crossEntropy({ labelSmoothing: 0.3 }), [perplexity()]), z, y);
    expect(smoothed.metrics.perplexity).toBeCloseTo(Math.exp(2.6763383626341), 9);
    expect(report({ ...of([perplexity()]), shape: [3] }, [0, 1e6, 0], [0]).metrics.perplexity).toSatisfy(Number.isFinite);
  });

  it("rSquared is the share of the variance that is explained", () => {
    const linear: Case = { loss: meanSquaredError(), metrics: [rSquared()], shape: [1], labels: values(1) };
    // sklearn.metrics.r2_score([3, -0.5, 2, 7], [2.5, 0.0, 2, 8]), the example of its documentation.
    expect(report(linear, [2.5, 0, 2, 8], [3, -0.5, 2, 7]).metrics.rSquared).toBeCloseTo(0.9486081370449679, 13);
    const both: Case = { ...linear, shape: [2], labels: values(2) };
    // r2_score([[0.5, 1], [-1, 1], [7, -6]], [[0, 2], [-1, 2], [8, -5]], multioutput="uniform_average")
    expect(report(both, [0, 2, -1, 2, 8, -5], [0.5, 1, -1, 1, 7, -6]).metrics.rSquared).toBeCloseTo(0.9368005266622779, 13);
  });

  it("say what they need", () => {
    const with_ = (metric: Metric, loss: Loss = meanSquaredError()) =>
      failure(() => graphsOf({ loss, metrics: [metric], shape: [2], labels: values(2) }));
    expect(with_(precision())).toContain("precision: the labels are values, which are of no class");
    expect(with_(topKAccuracy())).toContain("top5Accuracy: the model does not choose among classes");
    expect(with_(perplexity())).toContain("perplexity: the model gives no probabilities of the classes that the labels name");
    expect(failure(() => f1({ average: "mean" as never }))).toContain(
      'average is "mean"; expected "macro", "weighted", "micro", "none"',
    );
    const many: Case = { loss: crossEntropy(), metrics: [confusionMatrix()], shape: [65], labels: classes(65) };
    expect(failure(() => graphsOf(many))).toContain(
      "The metrics have 4225 sums, of which at most 4096 can travel; confusionMatrix has 4225.",
    );
  });
});

it("is the same whoever computes which samples", () => {
  const of = sequence(crossEntropy({ classWeights: weights, ignoreIndex: 0 }), [
    accuracy(),
    topKAccuracy({ k: 2 }),
    perplexity(),
    precision(),
    f1({ average: "weighted" }),
    recall({ average: "none" }),
    confusionMatrix(),
  ]);
  const { forward, report: graph } = graphsOf(of);
  const samples = 6;
  const x = Array.from({ length: samples * 12 }, (_, i) => 3 * Math.sin(i * i));
  const labels = Array.from({ length: samples * 3 }, (_, i) => (i * 7) % 4);
  const whole = report(of, x, labels);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 }), (sizes) => {
      let sums: Sums | undefined;
      for (let begin = 0, i = 0; begin < samples; i++) {
        const end = Math.min(samples, begin + sizes[i % sizes.length]);
        const part = sumsOf(forward, of, x.slice(12 * begin, 12 * end), labels.slice(3 * begin, 3 * end));
        sums = sums ? addSums(sums, part) : part;
        begin = end;
      }
      const found = finishReport(graph, sums!);
      expect(found.loss).toBeCloseTo(whole.loss, 12);
      for (const name of Object.keys(whole.metrics)) expect(found.metrics[name]).toBeCloseTo(whole.metrics[name], 12);
      expect(found.tables).toEqual(whole.tables);
    }),
  );
});
