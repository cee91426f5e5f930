// The graph of a prediction: the model alone, whatever the forward graph has besides.
import { describe, expect, it } from "vitest";
import {
  checkLoss,
  evaluate,
  evaluationGraph,
  graphInputs,
  hasLoss,
  inferenceGraph,
  parameterSlots,
  predictionOutput,
  trainingGraph,
  type Graph,
} from "../src/graph/index.ts";
import { crossEntropy, dense, forwardGraph, initialParameters, predictionGraph, relu, sequential } from "../src/model/index.ts";

const model = sequential(dense(4), relu(), dense(3));
const forward = forwardGraph({
  model,
  loss: crossEntropy(),
  data: { features: { shape: [2], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3 } },
});
const alone = predictionGraph(model, [2]);

const thrown = (build: () => unknown): unknown => {
  try {
    return build();
  } catch (error) {
    return error;
  }
};

describe("the inference graph", () => {
  it("asks for the features alone, gives the prediction alone, and keeps the layout of the parameters", () => {
    const graph = inferenceGraph(forward, 5);
    expect(graphInputs(graph).map(({ name }) => name)).toEqual(["features"]);
    expect(Object.keys(graph.outputs)).toEqual([predictionOutput]);
    expect(graph.nodes[graph.outputs.prediction].shape).toEqual([5, 3]);
    const layout = (of: Graph) => parameterSlots(of).map(({ name, offset, shape }) => ({ name, offset, shape }));
    expect(layout(graph)).toEqual(layout(forward));
  });

  it("is the same function for a graph with a loss and for the model alone", () => {
    const parameters = initialParameters(forward, 1);
    const features = [1, -2, 0.5, 3, -1, -1];
    const expected = evaluate(inferenceGraph(alone, 3), { features }, parameters).prediction;
    expect(expected.shape).toEqual([3, 3]);
    expect(new Set(expected.data).size).toBe(9);
    expect(evaluate(inferenceGraph(forward, 3), { features }, parameters).prediction).toEqual(expected);
  });

  it("is refused where there is no prediction, or one that does not count the samples", () => {
    const { loss } = forward.outputs;
    expect(thrown(() => inferenceGraph({ ...forward, outputs: { loss } }, 2))).toMatchObject({ code: "GRAPH_INVALID" });
    const weight = forward.nodes.findIndex(({ operation }) => operation === "parameter");
    expect(thrown(() => inferenceGraph({ ...forward, outputs: { prediction: weight } }, 2))).toMatchObject({
      code: "GRAPH_INVALID",
      message: 'The output "prediction" has shape [4, 2] for 2 rows.',
    });
  });
});

describe("a graph without a loss", () => {
  it("is known for one, and is neither trained nor evaluated", () => {
    expect([hasLoss(forward), hasLoss(alone)]).toEqual([true, false]);
    expect(() => checkLoss(forward)).not.toThrow();
    for (const build of [trainingGraph, evaluationGraph]) {
      expect(thrown(() => build(alone, 2))).toMatchObject({
        code: "GRAPH_INVALID",
        message: 'The graph has no output "loss", so it can neither be trained nor evaluated.',
      });
    }
  });

  it("has a message of its own; a loss of the wrong shape has another", () => {
    const wrong: Graph = { ...forward, outputs: { ...forward.outputs, loss: forward.outputs.prediction } };
    expect(thrown(() => evaluationGraph(wrong, 2))).toMatchObject({
      code: "GRAPH_INVALID",
      message: 'The output "loss" is of shape [2, 3]; it must have one number for each sample.',
    });
  });
});
