// What graphs become: few nodes, the fast ones, and only where they compute the same.
import {
  evaluate,
  evaluationGraph,
  GraphBuilder,
  math,
  parameterElements,
  trainingGraph,
  type Graph,
  type Shape,
  type Value,
} from "@tabgrad/core";
import { operationCase, testedOperations } from "@tabgrad/core/testing";
import { encodeModel, lowerGraph, type OnnxModel } from "../src/index.ts";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { sinkBroadcasts } from "../src/onnx/sink-broadcasts.ts";
import { classifier, numbers, relativeError } from "./models.ts";

const types = (model: OnnxModel): string[] => model.graph.nodes.map((node) => node.type);
const count = (model: OnnxModel, type: string): number => types(model).filter((each) => each === type).length;

/** Lowers, runs and compares a function of tensors with the float64 evaluator; returns what it was lowered to. */
async function lowered(shapes: readonly Shape[], build: (operands: Value[]) => Value | Value[]): Promise<OnnxModel> {
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

describe("gemm-addend", () => {
  const flags = { transposeA: true, transposeB: true };

  it.each<[string, Shape]>([
    ["a row", [5]],
    ["a column", [4, 1]],
    ["a matrix", [4, 5]],
    ["one number", []],
  ])("takes %s into the product, from either side", async (_, addend) => {
    for (const build of [
      ([a, b, c]: Value[]) => math.add(math.matmul(a, b, flags), c),
      ([a, b, c]: Value[]) => math.add(c, math.matmul(a, b, flags)),
    ]) {
      expect(types(await lowered([[3, 4], [5, 3], addend], build))).toEqual(["Transpose", "Gemm"]);
    }
  });

  it("leaves a product alone that something else reads, that is repeated by the sum, or that is added to itself", async () => {
    const shapes: Shape[] = [
      [4, 3],
      [3, 5],
      [4, 5],
    ];
    const result = await lowered(shapes, ([a, b, c]) => {
      const product = math.matmul(a, b);
      return [math.add(product, c), product];
    });
    expect(types(result)).toEqual(["Gemm", "Add"]);
    const twice = await lowered(shapes, ([a, b, c]) => {
      const product = math.matmul(a, b);
      return math.multiply(math.add(product, c), product);
    });
    expect(types(twice)).toContain("Add");
    expect(
      types(
        await lowered(
          [
            [1, 3],
            [3, 5],
            [4, 5],
          ],
          ([a, b, c]) => math.add(math.matmul(a, b), c),
        ),
      ),
    ).toEqual(["Gemm", "Add"]);
    const doubled = await lowered(shapes, ([a, b]) => {
      const product = math.matmul(a, b);
      return math.add(product, product);
    });
    expect(types(doubled)).toEqual(["Gemm", "Add"]);
    expect(types(await lowered([[2, 4, 3], [3, 5], [5]], ([a, b, c]) => math.add(math.matmul(a, b), c)))).toEqual([
      "MatMul",
      "Add",
    ]);
  });
});

describe("a weight's gradient", () => {
  const gradient = ([a, b]: Value[]): Value => math.matmul(a, b, { transposeA: true });

  it("copies the smaller of its two matrices", async () => {
    const wide = await lowered(
      [
        [64, 40],
        [64, 8],
      ],
      gradient,
    );
    expect(wide.graph.nodes.map(({ type, inputs }) => [type, inputs[0]])).toEqual([
      ["Transpose", "input:operand 1"],
      ["Gemm", "Transpose 0"],
      ["Transpose", "Gemm 1"],
    ]);
    expect(
      types(
        await lowered(
          [
            [64, 8],
            [64, 40],
          ],
          gradient,
        ),
      ),
    ).toEqual(["Transpose", "Gemm"]);
    // With few rows the result is what is large.
    expect(
      types(
        await lowered(
          [
            [6, 40],
            [6, 8],
          ],
          gradient,
        ),
      ),
    ).toEqual(["Transpose", "Gemm"]);
  });

  it("does so for sequences, too", async () => {
    const model = await lowered(
      [
        [4, 16, 40],
        [4, 16, 8],
      ],
      (operands) => math.sum(gradient(operands), [0]),
    );
    expect(types(model)).toEqual(["Reshape", "Reshape", "Transpose", "Gemm", "Transpose"]);
  });
});

describe("batched-product-sum", () => {
  const flags = { transposeA: true };

  it("lays the batch end to end, where both sides have all of it", async () => {
    const flat = ["Reshape", "Reshape", "Transpose", "Gemm"];
    const sumOf =
      (axes: number[], keep = false) =>
      ([a, b]: Value[]) =>
        math.sum(math.matmul(a, b, flags), axes, keep);
    expect(
      types(
        await lowered(
          [
            [6, 3, 4],
            [6, 3, 5],
          ],
          sumOf([0]),
        ),
      ),
    ).toEqual(flat);
    expect(
      types(
        await lowered(
          [
            [2, 6, 3, 4],
            [2, 6, 3, 5],
          ],
          sumOf([0, 1]),
        ),
      ),
    ).toEqual(flat);
    expect(
      types(
        await lowered(
          [
            [6, 3, 4],
            [6, 3, 5],
          ],
          sumOf([0], true),
        ),
      ),
    ).toEqual([...flat, "Reshape"]);
    for (const shapes of [
      [
        [6, 3, 4],
        [1, 3, 5],
      ],
      [
        [6, 3, 4],
        [3, 5],
      ],
    ] as Shape[][]) {
      expect(types(await lowered(shapes, sumOf([0])))).not.toContain("Gemm");
    }
    expect(
      types(
        await lowered(
          [
            [2, 6, 3, 4],
            [2, 6, 3, 5],
          ],
          sumOf([0]),
        ),
      ),
    ).not.toContain("Gemm");
    expect(
      types(
        await lowered(
          [
            [6, 3, 4],
            [6, 4, 5],
          ],
          ([a, b]) => math.sum(math.matmul(a, b, { transposeA: false, transposeB: false }), [0]),
        ),
      ),
    ).not.toContain("Gemm");
  });

  it("serves a dense layer over sequences", () => {
    const builder = new GraphBuilder(8);
    const x = builder.emit("input", [], { name: "x", shape: [6, 4], batched: true });
    const weight = builder.emit("parameter", [], { name: "weight", shape: [5, 4], initialisation: { kind: "constant", value: 0 } });
    const y = math.tanh(math.matmul(x, weight, { transposeB: true }));
    const model = lowerGraph(trainingGraph(builder.graph({ loss: math.sum(y, [1, 2]) }), 8));
    expect(types(model).filter((type) => type === "Gemm" || type === "MatMul")).toEqual(["MatMul", "Gemm"]);
  });
});

describe("column-sum", () => {
  it.each<[Shape, number[], boolean, string[]]>([
    [[6, 4], [0], false, ["MatMul"]],
    [[6, 4], [0], true, ["MatMul", "Reshape"]],
    [[2, 3, 4], [0, 1], false, ["Reshape", "MatMul"]],
    [[2, 3, 4], [0], false, ["Reshape", "MatMul", "Reshape"]],
    [[2, 3, 4], [1], false, ["ReduceSum"]],
    [[2, 3, 4], [2], false, ["ReduceSum"]],
    [[6], [0], false, ["ReduceSum"]],
    [[2, 3], [0, 1], false, ["ReduceSum"]],
  ])("%j over %j, keeping dimensions: %s", async (shape, axes, keep, expected) => {
    expect(types(await lowered([shape], ([x]) => math.sum(x, axes, keep)))).toEqual(expected);
  });
});

describe("condition", () => {
  it("chooses by the comparison itself", async () => {
    const shapes: Shape[] = [[3, 4], [4], [3, 1]];
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(math.step(a), b, c)))).toEqual(["Greater", "Where"]);
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(math.greater(a, c), b, c)))).toEqual(["Greater", "Where"]);
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(math.equal(b, b), a, c)))).toEqual(["Equal", "Where"]);
    expect(types(await lowered(shapes, ([a, b, c]) => math.select(a, b, c)))).toEqual(["Cast", "Where"]);
  });
});

describe("convolution-bias", () => {
  const shapes = (bias: Shape): Shape[] => [[2, 3, 5, 6], [4, 3, 2, 2], bias];

  it.each<[string, Shape]>([
    ["[C, 1, 1]", [4, 1, 1]],
    ["[1, C, 1, 1]", [1, 4, 1, 1]],
  ])("takes a bias %s into the convolution, from either side", async (_, bias) => {
    for (const build of [
      ([x, w, b]: Value[]) => math.add(math.conv2d(x, w), b),
      ([x, w, b]: Value[]) => math.add(b, math.conv2d(x, w)),
    ]) {
      expect(types(await lowered(shapes(bias), build))).toEqual(["Reshape", "Conv"]);
    }
  });

  it("leaves alone what differs from place to place or from image to image", async () => {
    for (const addend of [[5], [4, 5], [4, 1, 5], [2, 4, 1, 1], [1]]) {
      const model = await lowered(shapes(addend), ([x, w, b]) => math.add(math.conv2d(x, w), b));
      expect(types(model)).toEqual(["Conv", "Add"]);
    }
  });
});

describe("gelu", () => {
  it("and its gradient take eleven passes over the tensor, those that they share being made once", async () => {
    const model = await lowered(
      [
        [2, 3],
        [2, 3],
      ],
      ([x, u]) => [math.gelu(x), math.geluGradient(x, u)],
    );
    const distinct = new Set<string>();
    // As ONNX Runtime does: what has the same type and operands is the same.
    const names = new Map<string, string>();
    for (const { type, inputs, outputs } of model.graph.nodes) {
      const key = `${type} ${inputs.map((input) => names.get(input) ?? input).join(", ")}`;
      distinct.add(key);
      names.set(outputs[0], key);
    }
    expect(distinct.size).toBe(11);
  });
});

describe("layer normalisation", () => {
  const shapes: Shape[] = [[2, 3, 8], [8], [8]];

  it("is one node where nothing is differentiated, whichever side its factors are on", async () => {
    const one = ["LayerNormalization"];
    expect(types(await lowered(shapes, ([x, w, b]) => math.add(math.multiply(math.normalise(x), w), b)))).toEqual(one);
    expect(types(await lowered(shapes, ([x, w, b]) => math.add(b, math.multiply(w, math.normalise(x)))))).toEqual(one);
    expect(types(await lowered(shapes.slice(0, 2), ([x, w]) => math.multiply(w, math.normalise(x))))).toEqual(one);
  });

  it("stays by itself where factors differ between lines, or something else reads it", async () => {
    const apart = ["LayerNormalization", "Mul"];
    expect(
      types(
        await lowered(
          [
            [2, 3, 8],
            [3, 1],
          ],
          ([x, w]) => math.multiply(math.normalise(x), w),
        ),
      ),
    ).toEqual(apart);
    expect(
      types(
        await lowered(
          [
            [2, 3, 1],
            [1, 8],
          ],
          ([x, w]) => math.multiply(math.normalise(x), w),
        ),
      ),
    ).toEqual(apart);
    const twice = await lowered(shapes, ([x, w]) => {
      const y = math.normalise(x);
      return [math.multiply(y, w), y];
    });
    expect(types(twice)).toEqual(apart);
    expect(
      types(await lowered(shapes.slice(0, 2), ([x, w]) => math.multiply(math.normalise(x, { centred: false }), w))),
    ).not.toContain("LayerNormalization");
  });

  it("tells its gradient what it has found out about the lines", async () => {
    const model = await lowered(
      [
        [2, 3, 8],
        [2, 3, 8],
      ],
      ([x, u]) => [math.normalise(x), math.normaliseGradient(x, u, { centred: true, epsilon: 1e-5 })],
    );
    expect(types(model)).toEqual(["LayerNormalization", "Mul", "ReduceMean", "Mul", "ReduceMean", "Sub", "Sub", "Mul"]);
  });
});

describe("max-pool-by-parts", () => {
  const step = ([x, u]: Value[], options: { kernel: [number, number]; strides?: [number, number] }): Value[] => [
    math.maxPool2d(x, options),
    math.maxPool2dGradient(x, u, options),
  ];

  it("shares the slices between the way forward and the way back", async () => {
    const model = await lowered(
      [
        [2, 3, 7, 6],
        [2, 3, 3, 3],
      ],
      (values) => step(values, { kernel: [2, 2] }),
    );
    expect([count(model, "Slice"), count(model, "Max"), count(model, "MaxUnpool")]).toEqual([4, 1, 1]);
    expect(count(model, "MaxPool")).toBe(0);
  });

  it("serves windows with cells between them", async () => {
    const model = await lowered(
      [
        [2, 3, 9, 8],
        [2, 3, 3, 3],
      ],
      (values) => step(values, { kernel: [2, 1], strides: [3, 3] }),
    );
    expect([count(model, "Slice"), count(model, "MaxPool")]).toEqual([2, 0]);
  });

  it("leaves windows to MaxPool that overlap or are large", async () => {
    const overlapping = await lowered(
      [
        [2, 3, 5, 5],
        [2, 3, 4, 4],
      ],
      (values) => step(values, { kernel: [2, 2], strides: [1, 1] }),
    );
    expect([count(overlapping, "MaxPool"), count(overlapping, "ScatterElements")]).toEqual([1, 1]);
    const large = await lowered(
      [
        [2, 3, 8, 8],
        [2, 3, 2, 2],
      ],
      (values) => step(values, { kernel: [4, 4] }),
    );
    expect([count(large, "MaxPool"), count(large, "MaxUnpool")]).toEqual([1, 1]);
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
