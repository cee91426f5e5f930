// Shapes: what each operation infers, what it refuses, and that the complaint names the layer.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TabgradError } from "../src/errors.ts";
import { evaluate, GraphBuilder, math, sameShape, withRows, type Shape, type Value } from "../src/graph/index.ts";
import { operationCase, testedOperations } from "../testing/operation-cases.ts";

const input = (builder: GraphBuilder, name: string, shape: Shape, batched = false): Value =>
  builder.emit("input", [], { name, shape, batched });

/** The shape of what `build` makes of operands of the given shapes. */
function shapeOf(shapes: readonly Shape[], build: (...values: Value[]) => Value): Shape {
  const builder = new GraphBuilder(1);
  return build(...shapes.map((shape, i) => input(builder, `x${i}`, shape))).shape;
}

function complaint(shapes: readonly Shape[], build: (...values: Value[]) => Value): string {
  const builder = new GraphBuilder(1);
  const values = shapes.map((shape, i) => input(builder, `x${i}`, shape));
  try {
    builder.scope("block 3", () => builder.scope("layer 7", () => build(...values)));
  } catch (error) {
    if (!(error instanceof TabgradError)) throw error;
    expect(error.code).toBe("MODEL_INVALID");
    expect(error.remedy).toBe("Change the layer, or the one before it, so that the shapes fit.");
    return error.message;
  }
  throw new Error("nothing was thrown");
}

describe("shape rules", () => {
  it.each<[string, readonly Shape[], (...values: Value[]) => Value, Shape]>([
    [
      "add broadcasts",
      [
        [4, 1, 3],
        [2, 1],
      ],
      math.add,
      [4, 2, 3],
    ],
    ["add a number", [[2, 3]], (x) => math.add(x, 1), [2, 3]],
    ["select broadcasts three ways", [[2, 1], [3], []], math.select, [2, 3]],
    [
      "matmul",
      [
        [2, 3],
        [3, 5],
      ],
      (a, b) => math.matmul(a, b),
      [2, 5],
    ],
    [
      "matmul, both transposed",
      [
        [3, 2],
        [5, 3],
      ],
      (a, b) => math.matmul(a, b, { transposeA: true, transposeB: true }),
      [2, 5],
    ],
    [
      "matmul of batches that broadcast",
      [
        [7, 1, 2, 3],
        [4, 3, 5],
      ],
      (a, b) => math.matmul(a, b),
      [7, 4, 2, 5],
    ],
    [
      "conv2d",
      [
        [5, 3, 28, 27],
        [8, 3, 3, 5],
      ],
      (x, w) => math.conv2d(x, w),
      [5, 8, 26, 23],
    ],
    [
      "conv2d with everything",
      [
        [5, 4, 28, 28],
        [6, 2, 3, 3],
      ],
      (x, w) => math.conv2d(x, w, { strides: [2, 3], padding: [1, 0, 2, 1], dilations: [2, 1], groups: 2 }),
      [5, 6, 14, 9],
    ],
    [
      "conv2dInputGradient",
      [
        [5, 6, 14, 9],
        [6, 2, 3, 3],
      ],
      (u, w) => math.conv2dInputGradient(u, w, [28, 28], { strides: [2, 3], padding: [1, 0, 2, 1], dilations: [2, 1], groups: 2 }),
      [5, 4, 28, 28],
    ],
    [
      "conv2dFilterGradient",
      [
        [5, 4, 28, 28],
        [5, 6, 26, 28],
      ],
      (x, u) => math.conv2dFilterGradient(x, u, [3, 1], { groups: 2 }),
      [6, 2, 3, 1],
    ],
    ["maxPool2d", [[2, 3, 9, 8]], (x) => math.maxPool2d(x, { kernel: [2, 3] }), [2, 3, 4, 2]],
    [
      "averagePool2d",
      [[2, 3, 9, 8]],
      (x) => math.averagePool2d(x, { kernel: [3, 3], strides: [2, 1], padding: [1, 1, 1, 0] }),
      [2, 3, 5, 7],
    ],
    ["averagePool2dGradient", [[2, 3, 4, 2]], (u) => math.averagePool2dGradient(u, [9, 8], { kernel: [2, 3] }), [2, 3, 9, 8]],
    ["sum over all axes", [[2, 3]], (x) => math.sum(x), []],
    ["sum over some", [[2, 3, 4]], (x) => math.sum(x, [-1, 0]), [3]],
    ["sum over none", [[2, 3]], (x) => math.sum(x, []), [2, 3]],
    ["max, dimensions kept", [[2, 3, 4]], (x) => math.max(x, [1], true), [2, 1, 4]],
    ["mean", [[2, 3, 4]], (x) => math.mean(x, [1, 2]), [2]],
    ["argmax along the last axis", [[2, 3, 4]], (x) => math.argmax(x), [2, 3]],
    ["argmax along the first", [[2, 3, 4]], (x) => math.argmax(x, 0), [3, 4]],
    ["softmax", [[2, 3]], (x) => math.softmax(x), [2, 3]],
    ["logSoftmax along the first axis", [[2, 3]], (x) => math.logSoftmax(x, 0), [2, 3]],
    ["reshape with what is left", [[2, 3, 4]], (x) => math.reshape(x, [-1, 6]), [4, 6]],
    ["reshape to one number", [[1, 1]], (x) => math.reshape(x, []), []],
    ["transpose", [[2, 3, 4]], (x) => math.transpose(x, [2, 0, 1]), [4, 2, 3]],
    ["broadcastTo", [[3, 1]], (x) => math.broadcastTo(x, [2, 3, 4]), [2, 3, 4]],
    ["oneHot", [[2, 3]], (x) => math.oneHot(x, 5), [2, 3, 5]],
  ])("%s", (_, shapes, build, expected) => {
    expect(shapeOf(shapes, build)).toEqual(expected);
  });

  it("are what the evaluator gives, for every operation", () => {
    for (const name of testedOperations) {
      fc.assert(
        fc.property(operationCase(name), ({ forward, parameters }) => {
          const every = { ...forward, outputs: Object.fromEntries(forward.nodes.map((_, node) => [`${node}`, node])) };
          for (const [node, tensor] of Object.entries(evaluate(every, {}, parameters))) {
            const { shape } = forward.nodes[Number(node)];
            expect(tensor.data).toHaveLength(shape.reduce((product, size) => product * size, 1));
            expect(sameShape(tensor.shape, shape)).toBe(true);
          }
        }),
        { numRuns: 20 },
      );
    }
  });
});

describe("shape errors name the layer and both sides", () => {
  it.each<[string, readonly Shape[], (...values: Value[]) => Value, string]>([
    ["add", [[2, 3], [4]], math.add, "shapes [2, 3] and [4] do not broadcast: 3 meets 4 in dimension -1"],
    ["select", [[2], [3], [2]], math.select, "shapes [2] and [3] do not broadcast"],
    [
      "matmul",
      [
        [2, 3],
        [4, 5],
      ],
      (a, b) => math.matmul(a, b),
      "matmul of [2, 3] and [4, 5]: the left side has 3 columns, the right side 4 rows",
    ],
    [
      "matmul, transposed",
      [
        [2, 3],
        [5, 4],
      ],
      (a, b) => math.matmul(a, b, { transposeB: true }),
      "matmul of [2, 3] and [5, 4]ᵀ",
    ],
    [
      "matmul of a vector",
      [[3], [3, 2]],
      (a, b) => math.matmul(a, b),
      "matmul needs at least two dimensions on both sides, not [3] and [3, 2]",
    ],
    [
      "matmul of other batches",
      [
        [2, 2, 3],
        [3, 3, 2],
      ],
      (a, b) => math.matmul(a, b),
      "shapes [2] and [3] do not broadcast",
    ],
    [
      "conv2d of vectors",
      [
        [2, 9],
        [4, 1, 3, 3],
      ],
      (x, w) => math.conv2d(x, w),
      "a convolution needs images [N, C, H, W] and filters [O, C / groups, kH, kW], not [2, 9] and [4, 1, 3, 3]",
    ],
    [
      "conv2d of other channels",
      [
        [2, 6, 9, 9],
        [4, 2, 3, 3],
      ],
      (x, w) => math.conv2d(x, w, { groups: 2 }),
      "filters [4, 2, 3, 3] in 2 groups take 4 channels; the images [2, 6, 9, 9] have 6",
    ],
    [
      "conv2d of filters that groups cannot share",
      [
        [2, 4, 9, 9],
        [5, 2, 3, 3],
      ],
      (x, w) => math.conv2d(x, w, { groups: 2 }),
      "5 filters cannot be dealt out to 2 groups",
    ],
    [
      "conv2d of small images",
      [
        [2, 3, 9, 3],
        [4, 3, 3, 3],
      ],
      (x, w) => math.conv2d(x, w, { dilations: [1, 2] }),
      "a window that reaches over 5 cells does not fit into 3, the padded width of [2, 3, 9, 3]",
    ],
    [
      "conv2dInputGradient",
      [
        [2, 4, 7, 7],
        [4, 3, 3, 3],
      ],
      (u, w) => math.conv2dInputGradient(u, w, [10, 9]),
      "the gradient of images [2, 4, 8, 7] has their shape, not [2, 4, 7, 7]",
    ],
    [
      "conv2dFilterGradient",
      [
        [2, 3, 9, 9],
        [2, 4, 7, 7],
      ],
      (x, u) => math.conv2dFilterGradient(x, u, [3, 3], { groups: 2 }),
      "3 channels cannot be dealt out to 2 groups",
    ],
    [
      "maxPool2d of vectors",
      [[2, 9]],
      (x) => math.maxPool2d(x, { kernel: [2, 2] }),
      "pooling needs images [N, C, H, W], not [2, 9]",
    ],
    [
      "maxPool2d of small images",
      [[2, 3, 1, 9]],
      (x) => math.maxPool2d(x, { kernel: [2, 2] }),
      "a window of height 2 does not fit into 1, the padded height of [2, 3, 1, 9]",
    ],
    [
      "averagePool2d of padding alone",
      [[2, 3, 9, 9]],
      (x) => math.averagePool2d(x, { kernel: [2, 2], padding: [0, 2, 0, 0] }),
      "padding of 2 leaves windows of width 2 with nothing in them",
    ],
    [
      "maxPool2dGradient",
      [
        [2, 3, 9, 9],
        [2, 3, 5, 4],
      ],
      (x, u) => math.maxPool2dGradient(x, u, { kernel: [2, 2] }),
      "the gradient of images [2, 3, 4, 4] has their shape, not [2, 3, 5, 4]",
    ],
    ["reshape", [[2, 3]], (x) => math.reshape(x, [4, -1]), "[2, 3] has 6 elements and cannot become [4, -1]"],
    ["reshape with two unknowns", [[2, 3]], (x) => math.reshape(x, [-1, -1]), "[2, 3] has 6 elements and cannot become [-1, -1]"],
    ["reshape to nothing", [[2, 3]], (x) => math.reshape(x, [0, -1]), "[2, 3] has 6 elements and cannot become [0, -1]"],
    ["transpose", [[2, 3]], (x) => math.transpose(x, [0, 0]), "[0, 0] is not a permutation of the axes of [2, 3]"],
    ["transpose too few", [[2, 3]], (x) => math.transpose(x, [0]), "[0] is not a permutation"],
    ["broadcastTo", [[2, 3]], (x) => math.broadcastTo(x, [3, 2]), "[2, 3] cannot be repeated to [3, 2]"],
    ["oneHot", [[2]], (x) => math.oneHot(x, 0), "the depth of a one-hot code is a whole number from 1, not 0"],
    ["constant", [[2]], (x) => math.constant(x, [1, 2], [3]), "a constant of shape [3] has 3 values or one, not 2"],
    ["a dimension of 0", [[2]], (x) => math.constant(x, 1, [0, 2]), "[0, 2] is not a shape: dimensions are whole numbers from 1"],
  ])("%s", (_, shapes, build, expected) => {
    expect(complaint(shapes, build)).toContain(`block 3 › layer 7: ${expected}`);
  });

  it("and the operation where there is no layer", () => {
    const builder = new GraphBuilder(1);
    expect(() => math.add(input(builder, "a", [2]), input(builder, "b", [3]))).toThrow("add: shapes [2] and [3] do not broadcast");
    expect(() => input(builder, "x", [0])).toThrow("input: [0] is not a shape");
    expect(() => input(builder, "x", [1.5])).toThrow("[1.5] is not a shape");
  });
});

describe("GraphBuilder", () => {
  it("refuses what belongs to another graph, and too many inputs", () => {
    const [one, other] = [new GraphBuilder(1), new GraphBuilder(1)];
    const x = input(other, "x", [2]);
    expect(() => one.emit("negate", [x], {})).toThrow("negate: an input belongs to another graph");
    expect(() => other.emit("add", [x], {})).toThrow("add takes 2 inputs, not 1");
  });

  it("labels nodes with the scopes they are made in, and only then", () => {
    const builder = new GraphBuilder(1);
    const x = input(builder, "x", [2]);
    expect(() => builder.scope("failing", () => math.reshape(x, [3]))).toThrow("failing: ");
    builder.scope("outer", () => builder.scope("inner", () => math.negate(x)));
    math.negate(x);
    expect(builder.nodes.map((node) => node.label)).toEqual(["", "outer › inner", ""]);
  });
});

describe("withRows", () => {
  it("infers the shapes for another number of rows, and keeps the rest", () => {
    const builder = new GraphBuilder(2);
    const x = input(builder, "x", [3, 4], true);
    const w = builder.emit("parameter", [], { name: "w", shape: [5, 12], initialisation: { kind: "constant", value: 0 } });
    const y = builder.scope("dense", () => math.matmul(math.reshape(x, [-1, 12]), w, { transposeB: true }));
    const graph = builder.graph({ y });
    const seven = withRows(graph, 7);
    expect(seven.nodes.map((node) => node.shape)).toEqual([
      [7, 3, 4],
      [5, 12],
      [7, 12],
      [7, 5],
    ]);
    expect(seven.rows).toBe(7);
    expect(seven.outputs).toEqual(graph.outputs);
    expect(seven.nodes.map((node) => node.label)).toEqual(graph.nodes.map((node) => node.label));
    expect(withRows(seven, 2)).toEqual(graph);
    expect(withRows(graph, 2)).toBe(graph);
  });
});
