// What graphs become: few nodes, the fast ones, and only where they compute the same.
import { evaluate, evaluationGraph, GraphBuilder, math, parameterElements, trainingGraph, type Graph } from "@tabgrad/core";
import { operationCase, testedOperations } from "@tabgrad/core/testing";
import { encodeModel, lowerGraph } from "../src/index.ts";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { sinkBroadcasts } from "../src/onnx/sink-broadcasts.ts";
import { count, lowered, types } from "./lowered.ts";
import { classifier } from "./models.ts";

describe("a classifier's training step", () => {
  const model = lowerGraph(trainingGraph(classifier([784, 256, 128, 10]), 128));

  it("is one Gemm for each product, biases included; all that is copied is the left side of a weight's gradient", () => {
    expect(count(model, "Gemm")).toBe(3 + 3 + 2);
    expect(count(model, "Transpose")).toBe(3);
    for (const type of ["Add", "Expand", "Identity"]) expect(count(model, type), type).toBe(0);
  });

  it("sums bias gradients by products, and only what is along rows by ReduceSum", () => {
    expect(count(model, "MatMul")).toBe(3);
    expect(count(model, "ReduceSum")).toBe(4);
  });

  it("keeps the names of results and gives every node its layer", () => {
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(
      Object.keys(trainingGraph(classifier([784, 256, 128, 10]), 128).outputs),
    );
    expect(model.graph.nodes.filter(({ type }) => type === "Gemm").map(({ documentation }) => documentation)).toContain("dense 2");
  });
});

describe("sink-broadcasts", () => {
  it("computes on what is repeated, and repeats only the result", async () => {
    const model = await lowered(
      [
        [3, 1],
        [3, 4],
      ],
      ([column, matrix]) => {
        const wide = math.multiply(math.exp(math.broadcastTo(column, [3, 4])), math.constant(column, 2, [3, 4]));
        return [math.add(wide, matrix), wide];
      },
    );
    expect(types(model)).toEqual(["Exp", "Mul", "Expand", "Add"]);
    expect(
      count(
        await lowered(
          [
            [3, 1],
            [3, 4],
          ],
          ([column, matrix]) => math.add(math.broadcastTo(column, [3, 4]), matrix),
        ),
        "Expand",
      ),
    ).toBe(0);
  });

  it("changes no value of any operation's training graph", () => {
    fc.assert(
      fc.property(fc.constantFrom(...testedOperations).chain(operationCase), ({ forward, parameters }) => {
        const before: Graph = trainingGraph(forward, 1);
        const inputs = { weights: [1] };
        expect(evaluate(sinkBroadcasts(before), inputs, parameters)).toEqual(evaluate(before, inputs, parameters));
      }),
      { numRuns: 200 },
    );
  });
});

describe("names", () => {
  it("do not meet, whatever the dataset and the layers are called", async () => {
    const builder = new GraphBuilder(2);
    const input = builder.emit("input", [], { name: "loss", shape: [], batched: true });
    const parameter = builder.emit("parameter", [], { name: "loss", shape: [], initialisation: { kind: "constant", value: 0 } });
    const graph = builder.graph({ loss: math.multiply(math.exp(input), parameter) });
    expect(parameterElements(graph)).toBe(1);
    const model = lowerGraph(evaluationGraph(graph, 2));
    const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 4 });
    expect([...session.inputNames].sort()).toEqual(["input:loss", "input:weights", "parameter:loss"]);
    await session.release();
  });
});

describe("encodeModel", () => {
  it("writes a symbolic dimension and every kind of attribute so that ONNX Runtime reads them", async () => {
    const data = Float32Array.of(1, 2, 3);
    const node = { inputs: ["x"], documentation: "" };
    const session = await ort.InferenceSession.create(
      encodeModel({
        opset: 20,
        graph: {
          name: "test",
          initializers: [],
          inputs: [{ name: "x", type: "float", shape: ["rows", 3] }],
          outputs: [{ name: "y", type: "float", shape: [3, "rows"] }],
          nodes: [
            { ...node, type: "Transpose", outputs: ["t"], attributes: { perm: { kind: "ints", value: [1, 0] } } },
            { ...node, type: "LeakyRelu", inputs: ["t"], outputs: ["r"], attributes: { alpha: { kind: "float", value: 0.5 } } },
            {
              ...node,
              type: "Constant",
              inputs: [],
              outputs: ["c"],
              attributes: { value: { kind: "tensor", value: { name: "", type: "float", shape: [3, 1], data } } },
            },
            { ...node, type: "Mul", inputs: ["r", "c"], outputs: ["m"], attributes: {} },
            { ...node, type: "Softmax", inputs: ["m"], outputs: ["s"], attributes: { axis: { kind: "int", value: -2 } } },
            { ...node, type: "Log", inputs: ["s"], outputs: ["y"], attributes: {} },
          ],
        },
      }),
      { logSeverityLevel: 4 },
    );
    const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.of(1, -2, 1, 1, 1, 1), [2, 3]) });
    await session.release();
    expect(y.dims).toEqual([3, 2]);
    const logits = [1, -2, 3];
    const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    logits.forEach((logit, i) => expect(y.data[2 * i]).toBeCloseTo(logit - total, 5));
  });
});
