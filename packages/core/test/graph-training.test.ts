// What is different in training: random numbers of the samples' keys, and graphs that are another one there.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  evaluate,
  evaluationGraph,
  gradientPrefix,
  GraphBuilder,
  graphFromJson,
  graphInputs,
  graphToJson,
  inferenceGraph,
  inMode,
  keysInput,
  math,
  trainingGraph,
} from "../src/graph/index.ts";
import { uniformCase } from "../testing/index.ts";

describe("uniform", () => {
  it("gives the numbers of the generator under the row's key", () => {
    fc.assert(
      fc.property(uniformCase, ({ forward, shape, keys, expected }) => {
        const outputs = evaluate(trainingGraph(forward, 1), { weights: [1], keys }, new Float32Array(expected.length).fill(1));
        expect(Float32Array.from(outputs[`${gradientPrefix}p`].data)).toEqual(expected);
        expect(outputs[`${gradientPrefix}p`].shape).toEqual(shape);
      }),
    );
  });

  it("gives each row its own", () => {
    const builder = new GraphBuilder(2);
    const keys = builder.emit("input", [], { name: keysInput, shape: [4], batched: true });
    const graph = builder.graph({ a: math.uniform(keys, [8], 0), b: math.uniform(keys, [8], 1) });
    const { a, b } = evaluate(graph, { keys: [1, 2, 3, 4, 1, 2, 3, 5] });
    const rows = [a.data.slice(0, 8), a.data.slice(8), b.data.slice(0, 8), b.data.slice(8)].map((row) => row.join());
    expect(new Set(rows).size).toBe(4);
    const swapped = evaluate(graph, { keys: [1, 2, 3, 5, 1, 2, 3, 4] }).a.data;
    expect([...swapped]).toEqual([...a.data.slice(8), ...a.data.slice(0, 8)]);
  });

  it("survives JSON, and takes keys of four parts alone", () => {
    const [{ forward }] = fc.sample(uniformCase, 1);
    expect(graphFromJson(graphToJson(forward))).toEqual(forward);
    const builder = new GraphBuilder(2);
    const keys = builder.emit("input", [], { name: keysInput, shape: [3], batched: true });
    expect(() => math.uniform(keys, [2], 0)).toThrow("keys have shape [rows, 4], not [2, 3]");
  });
});

describe("ifTraining", () => {
  function forward() {
    const builder = new GraphBuilder(2);
    const x = builder.emit("input", [], { name: "x", shape: [], batched: true });
    const keys = builder.emit("input", [], { name: keysInput, shape: [4], batched: true });
    const w = builder.emit("parameter", [], { name: "w", shape: [], initialisation: { kind: "constant", value: 1 } });
    const y = math.multiply(x, w);
    const noisy = math.add(y, math.uniform(keys, [], 0));
    const prediction = math.ifTraining(math.multiply(noisy, 10), y);
    return builder.graph({ loss: math.ifTraining(math.multiply(prediction, 2), prediction), prediction });
  }

  it("is one thing in training and another elsewhere, and no engine sees it", () => {
    const graphs = [trainingGraph(forward(), 2), evaluationGraph(forward(), 2), inferenceGraph(forward(), 2)];
    for (const { nodes } of graphs) expect(nodes.map(({ operation }) => operation)).not.toContain("ifTraining");
    expect(graphs.map((graph) => graphInputs(graph).map(({ name }) => name))).toEqual([
      ["x", keysInput, "weights"],
      ["x", "weights"],
      ["x"],
    ]);
    const [training, evaluation, inference] = graphs;
    const fed = { x: [1, 2], weights: [1, 1] };
    const trained = evaluate(training, { ...fed, keys: [0, 0, 0, 1, 0, 0, 0, 2] }, [3]);
    expect(trained[`${gradientPrefix}w`].data[0]).toBe(60);
    expect(trained.loss.data[0]).toBeGreaterThan(180);
    expect(evaluate(evaluation, fed, [3]).loss.data[0]).toBe(9);
    expect([...evaluate(inference, { x: [1, 2] }, [3]).prediction.data]).toEqual([3, 6]);
  });

  it("survives JSON, and leaves a graph without it alone", () => {
    expect(graphFromJson(graphToJson(forward()))).toEqual(forward());
    const plain = inMode(forward(), "evaluation");
    expect(inMode(plain, "training")).toBe(plain);
  });

  it("is of one shape", () => {
    const builder = new GraphBuilder(2);
    const x = builder.emit("input", [], { name: "x", shape: [3], batched: true });
    expect(() => math.ifTraining(x, math.sum(x, [1]))).toThrow("the two shapes [2, 3] and [2] differ");
  });
});
