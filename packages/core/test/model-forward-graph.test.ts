// The forward graph of a run: what goes in and out, what is refused, and what is left of it in training.
import { describe, expect, it } from "vitest";
import {
  evaluate,
  evaluationGraph,
  graphFromJson,
  graphInputs,
  graphToJson,
  math,
  metricNames,
  parameterElements,
  trainingGraph,
  withRows,
} from "../src/graph/index.ts";
import {
  accuracy,
  binaryCrossEntropy,
  crossEntropy,
  dense,
  flatten,
  forwardGraph,
  initialParameters,
  layerSummaries,
  meanAbsoluteError,
  meanSquaredError,
  predictionGraph,
  relu,
  reshape,
  sequential,
  sigmoid,
  softmax,
  step,
  summary,
  type DataShape,
  type Layer,
} from "../src/model/index.ts";
import { failure } from "./model-support.ts";

const digits: DataShape = { features: { shape: [4, 4], scale: 1 / 255, shift: 0 }, labels: { kind: "classes", count: 3 } };
const model = sequential(dense(8), relu(), dense(3));

describe("forwardGraph", () => {
  it("takes features and labels and gives loss, metrics and prediction", () => {
    const graph = forwardGraph({ model, loss: crossEntropy(), data: digits });
    expect(graphInputs(graph).map(({ name, shape }) => [name, shape])).toEqual([
      ["features", [1, 4, 4]],
      ["labels", [1]],
    ]);
    expect(Object.keys(graph.outputs)).toEqual(["loss", "metric:accuracy", "prediction"]);
    const five = withRows(graph, 5);
    expect(Object.values(five.outputs).map((node) => five.nodes[node].shape)).toEqual([[5], [5], [5, 3]]);
  });

  it("takes a class for each position of a sample", () => {
    const data: DataShape = { features: { shape: [4, 2], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3, shape: [4] } };
    const graph = forwardGraph({ model: dense(3, { flatten: false }), loss: crossEntropy(), data });
    expect(graphInputs(graph).map(({ name, shape }) => [name, shape])).toEqual([
      ["features", [1, 4, 2]],
      ["labels", [1, 4]],
    ]);
    const five = withRows(graph, 5);
    expect(Object.values(five.outputs).map((node) => five.nodes[node].shape)).toEqual([[5], [5], [5, 4, 3]]);
  });

  it("normalises the features it is fed, by one number or by one for each value", () => {
    const identity: Layer = { role: "layer", kind: "identity", detail: "", build: (x) => x };
    const at = (features: DataShape["features"], x: number[]) => [
      ...evaluate(predictionGraph(identity, features), { features: x }).prediction.data,
    ];
    expect(at({ shape: [2, 2], scale: 0.5, shift: 1 }, [0, 2, 4, 6])).toEqual([1, 2, 3, 4]);
    expect(at({ shape: [2], scale: [2, 10], shift: [1, -1] }, [1, 1])).toEqual([3, 9]);
    expect(at({ shape: [2], scale: 1, shift: 0 }, [1, 2])).toEqual([1, 2]);
    expect(predictionGraph(identity, [2]).nodes).toHaveLength(1);
  });

  it("takes the metrics it is given", () => {
    const metrics = [accuracy(), meanSquaredError(), meanAbsoluteError()];
    const graph = forwardGraph({ model, loss: crossEntropy(), metrics, data: digits });
    expect(metricNames(graph)).toEqual(["accuracy", "meanSquaredError", "meanAbsoluteError"]);
    expect(metricNames(forwardGraph({ model, loss: crossEntropy(), metrics: [], data: digits }))).toEqual([]);
    expect(failure(() => forwardGraph({ model, loss: crossEntropy(), metrics: [accuracy(), accuracy()], data: digits }))).toContain(
      "The metric accuracy is named twice.",
    );
  });

  it("has no prediction left in the training graph", () => {
    const graph = forwardGraph({
      model: sequential(dense(8), relu(), dense(3), reshape([3])),
      loss: crossEntropy(),
      metrics: [],
      data: digits,
    });
    const training = trainingGraph(graph, 4);
    expect(Object.keys(training.outputs).sort()).toEqual([
      "gradient:0.bias",
      "gradient:0.weight",
      "gradient:2.bias",
      "gradient:2.weight",
      "loss",
    ]);
    const softmaxOfPrediction = predictionGraph(sequential(model, softmax()), digits.features);
    expect(softmaxOfPrediction.nodes.some((node) => node.operation === "softmax")).toBe(true);
    expect(training.nodes.some((node) => node.operation === "softmax" || node.operation === "argmax")).toBe(false);
  });

  it("travels as JSON without loss", () => {
    const graph = forwardGraph({ model, loss: crossEntropy(), data: digits });
    expect(graphFromJson(graphToJson(graph))).toEqual(graph);
  });

  it("learns: gradient descent in float64 brings the loss down", () => {
    const graph = forwardGraph({ model, loss: crossEntropy(), data: digits });
    const rows = 12;
    const features = Array.from({ length: rows * 16 }, (_, i) => (Math.floor(i / 16) % 3 === (i % 16) % 3 ? 255 : 0));
    const inputs = { features, labels: Array.from({ length: rows }, (_, i) => i % 3), weights: new Array<number>(rows).fill(1) };
    const training = trainingGraph(graph, rows);
    const parameters = Float64Array.from(initialParameters(graph, 1));
    for (let round = 0; round < 100; round++) {
      const outputs = evaluate(training, inputs, parameters);
      const gradient = ["0.weight", "0.bias", "2.weight", "2.bias"].flatMap((name) => [...outputs[`gradient:${name}`].data]);
      gradient.forEach((value, i) => (parameters[i] -= (0.5 * value) / rows));
    }
    const { loss, "metric:accuracy": right } = evaluate(evaluationGraph(graph, rows), inputs, parameters);
    expect(loss.data[0] / rows).toBeLessThan(0.02);
    expect(right.data[0]).toBe(rows);
  });
});

describe("forwardGraph refuses", () => {
  const attempt = (layer: Layer, loss = crossEntropy(), data = digits) => failure(() => forwardGraph({ model: layer, loss, data }));

  it("a softmax or sigmoid before a loss that has its own", () => {
    expect(attempt(sequential(dense(3), softmax()))).toBe(
      "MODEL_INVALID: crossEntropy expects logits and applies softmax itself, but the model ends with softmax 1. → " +
        "Remove the softmax at the end of the model.",
    );
    const two: DataShape = { ...digits, labels: { kind: "classes", count: 2 } };
    expect(attempt(sequential(dense(1), sigmoid(), reshape([1])), binaryCrossEntropy(), two)).toContain(
      "binaryCrossEntropy expects logits and applies sigmoid itself, but the model ends with sigmoid 1.",
    );
    expect(() => forwardGraph({ model: sequential(dense(3), sigmoid()), loss: meanSquaredError(), data: digits })).not.toThrow();
  });

  it("an output that does not fit the labels", () => {
    expect(attempt(sequential(dense(8), relu(), dense(5)))).toContain(
      "the model's output is [5] for each sample, but there are 3 classes",
    );
    const table: DataShape = { ...digits, labels: { kind: "values", shape: [] } };
    expect(attempt(sequential(dense(3)), crossEntropy(), table)).toContain("these are values (one number for each sample)");
    expect(attempt(sequential(dense(3)), meanSquaredError(), table)).toContain("[3] for each sample, but the label is one number");
  });

  it("a model with nothing to learn", () => {
    expect(
      attempt(sequential(flatten(), reshape([16, 1])), meanSquaredError(), {
        ...digits,
        labels: { kind: "values", shape: [16, 1] },
      }),
    ).toBe(
      "MODEL_INVALID: The model has no parameters, so there is nothing to train. → Add a layer that has some, such as dense(10).",
    );
  });

  it("parameters that no gradient reaches", () => {
    expect(attempt(sequential(dense(8), step(), dense(3)))).toBe(
      "MODEL_INVALID: The parameters 0.weight, 0.bias cannot learn: their gradient is always 0. → " +
        "No gradient passes step 1; use sigmoid(), tanh() or relu() instead.",
    );
    const idle: Layer = {
      role: "layer",
      kind: "idle",
      detail: "",
      build(x, context) {
        context.parameter("unused", [1], { kind: "constant", value: 0 });
        return x;
      },
    };
    expect(attempt(sequential(dense(3), idle))).toContain("The parameters 1.unused cannot learn");
    expect(attempt(sequential(dense(3), idle))).toContain("Let the output of their layer reach the loss.");
  });

  it("two parameters of one name", () => {
    const twice: Layer = {
      role: "layer",
      kind: "twice",
      detail: "",
      build(x, context) {
        const a = context.parameter("a", [3], { kind: "constant", value: 1 });
        const b = context.parameter("a", [3], { kind: "constant", value: 1 });
        return math.add(math.multiply(x, a), b);
      },
    };
    expect(attempt(sequential(dense(3), twice))).toContain('Two parameters are called "1.a".');
  });

  it("a layer that builds in the number of samples", () => {
    const fixed = (layer: Layer["build"]): Layer => ({ role: "layer", kind: "fixed", detail: "", build: layer });
    expect(
      attempt(
        sequential(
          dense(3),
          fixed((x) => math.reshape(x, x.shape)),
        ),
      ),
    ).toContain("The model works for one number of samples only: fixed 1: [1, 3] has 3 elements and cannot become [2, 3]");
    const two = fixed((x) => math.broadcastTo(math.reshape(math.sum(x), [1, 1]), [2, 3]));
    expect(failure(() => predictionGraph(two, [3]))).toContain('"prediction" has shape [2, 3] where it should have [1, 3]');
  });

  it("layers that do not fit, naming the layer", () => {
    const wide: Layer = {
      role: "layer",
      kind: "scale",
      detail: "",
      build: (x, context) => math.multiply(x, context.parameter("factor", [7], { kind: "constant", value: 1 })),
    };
    expect(attempt(sequential(dense(3), wide))).toBe(
      "MODEL_INVALID: scale 1: shapes [2, 3] and [7] do not broadcast: 3 meets 7 in dimension -1 → " +
        "Change the layer, or the one before it, so that the shapes fit.",
    );
  });
});

describe("summary", () => {
  const graph = forwardGraph({
    model: sequential(dense(8, { activation: relu() }), sequential(dense(3))),
    loss: crossEntropy(),
    data: digits,
  });

  it("lists the layers with shapes and parameters", () => {
    expect(layerSummaries(graph)).toEqual([
      { layer: "features", shape: [4, 4], parameters: 0 },
      { layer: "flatten features", shape: [16], parameters: 0 },
      { layer: "dense 0 (8 units)", shape: [8], parameters: 136 },
      { layer: "dense 1.0 (3 units)", shape: [3], parameters: 27 },
    ]);
    expect(parameterElements(graph)).toBe(163);
  });

  it("prints them as a table", () => {
    expect(summary(graph).split("\n")).toEqual([
      "layer                output  parameters",
      "features             [4, 4]           0",
      "flatten features     [16]             0",
      "dense 0 (8 units)    [8]            136",
      "dense 1.0 (3 units)  [3]             27",
      "total                               163",
    ]);
  });
});
