// What the tests of lowering share: a function of tensors as ONNX, compared with what it computes in float64, and what it is made of.
import { evaluate, GraphBuilder, type Shape, type Value } from "@tabgrad/core";
import { encodeModel, lowerGraph, type OnnxModel } from "../src/index.ts";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";
import { numbers, relativeError } from "./models.ts";

export const types = (model: OnnxModel): string[] => model.graph.nodes.map((node) => node.type);
export const count = (model: OnnxModel, type: string): number => types(model).filter((each) => each === type).length;

/** Lowers, runs and compares a function of tensors with the float64 evaluator; returns what it was lowered to. */
export async function lowered(shapes: readonly Shape[], build: (operands: Value[]) => Value | Value[]): Promise<OnnxModel> {
  const builder = new GraphBuilder(1);
  const inputs = shapes.map((shape, i) => builder.emit("input", [], { name: `operand ${i}`, shape, batched: false }));
  const graph = builder.graph(Object.fromEntries([build(inputs)].flat().map((value, i) => [`result ${i}`, value])));
  const model = lowerGraph(graph);
  const values = shapes.map((shape, i) =>
    numbers(
      shape.reduce((total, size) => total * size, 1),
      i + 1,
    ),
  );
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const results = await session.run(
    Object.fromEntries(
      session.inputNames.map((name) => [
        name,
        new ort.Tensor("float32", values[Number(name.slice(-1))], shapes[Number(name.slice(-1))]),
      ]),
    ),
  );
  await session.release();
  const expected = evaluate(graph, Object.fromEntries(values.map((data, i) => [`operand ${i}`, data])));
  for (const [name, { data, shape }] of Object.entries(expected)) {
    expect(results[name].dims).toEqual(shape);
    expect(relativeError(results[name].data as Float32Array, data)).toBeLessThan(2e-6);
  }
  return model;
}
