// Passes: each keeps what a graph computes, and does what it is there for.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  eliminateDeadCode,
  evaluate,
  foldConstants,
  GraphBuilder,
  joinPads,
  math,
  mergeCommonSubexpressions,
  optimise,
  parameterSlots,
  trainingGraph,
  type Graph,
  type Shape,
  type Value,
} from "../src/graph/index.ts";
import { operationCase, testedOperations } from "../testing/operation-cases.ts";

const passes = { eliminateDeadCode, foldConstants, joinPads, mergeCommonSubexpressions, optimise };
const operationsOf = (graph: Graph): string[] => graph.nodes.map((node) => node.operation);

function build(make: (x: Value, builder: GraphBuilder) => Record<string, Value>, shape: Shape = [2, 3]): Graph {
  const builder = new GraphBuilder(1);
  return builder.graph(make(builder.emit("input", [], { name: "x", shape, batched: false }), builder));
}

describe("every pass keeps values, gradients, outputs and the layout of the parameters", () => {
  it.each(Object.entries(passes))("%s", (_, pass) => {
    const anyCase = fc.constantFrom(...testedOperations).chain(operationCase);
    fc.assert(
      fc.property(anyCase, ({ forward, parameters }) => {
        const training = trainingGraph(forward, 1);
        const before = evaluate(training, { weights: [1] }, parameters);
        const passed = pass(training);
        const after = evaluate(passed, { weights: [1] }, parameters);
        expect(Object.keys(after)).toEqual(Object.keys(before));
        for (const [name, { shape, data }] of Object.entries(after)) {
          expect(shape).toEqual(before[name].shape);
          data.forEach((value, i) => expect(value).toBeCloseTo(before[name].data[i], 5));
        }
        const layout = (graph: Graph) => parameterSlots(graph).map(({ name, offset, shape }) => ({ name, offset, shape }));
        expect(layout(passed)).toEqual(layout(training));
      }),
      { numRuns: 100 },
    );
  });

  it("and has nothing left to do after a second time", () => {
    const anyCase = fc.constantFrom(...testedOperations).chain(operationCase);
    fc.assert(
      fc.property(anyCase, ({ forward }) => {
        const once = trainingGraph(forward, 1);
        expect(optimise(once).nodes.length).toBeLessThanOrEqual(once.nodes.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("eliminateDeadCode", () => {
  it("drops what no output needs, but no parameter", () => {
    const graph = build((x, builder) => {
      builder.emit("parameter", [], { name: "idle", shape: [4], initialisation: { kind: "constant", value: 0 } });
      math.exp(math.negate(x));
      return { y: math.relu(x) };
    });
    expect(operationsOf(eliminateDeadCode(graph))).toEqual(["input", "parameter", "relu"]);
    expect(evaluate(eliminateDeadCode(graph), { x: [-1, 2, 0, 1, -5, 4] }, [0, 0, 0, 0]).y.data).toEqual(
      Float64Array.of(0, 2, 0, 1, 0, 4),
    );
  });
});

describe("mergeCommonSubexpressions", () => {
  it("makes one of two equal computations, through any depth", () => {
    const graph = build((x) => ({ y: math.add(math.exp(math.negate(x)), math.exp(math.negate(x))) }));
    expect(operationsOf(mergeCommonSubexpressions(graph))).toEqual(["input", "negate", "exp", "add"]);
  });

  it("keeps apart what differs in attributes, in order, or in the sign of zero", () => {
    const graph = build((x) => ({
      a: math.leakyRelu(x, 0.1),
      b: math.leakyRelu(x, 0.2),
      c: math.subtract(x, math.negate(x)),
      d: math.subtract(math.negate(x), x),
      e: math.divide(x, 0),
      f: math.divide(x, -0),
      g: math.divide(x, Infinity),
      h: math.divide(x, NaN),
    }));
    const merged = eliminateDeadCode(mergeCommonSubexpressions(graph));
    expect(new Set(Object.values(merged.outputs)).size).toBe(8);
    const results = evaluate(merged, { x: [1, 1, 1, 1, 1, 1] });
    expect(["e", "f", "g", "h"].map((name) => results[name].data[0])).toEqual([Infinity, -Infinity, 0, NaN]);
  });

  it("never makes one parameter of two", () => {
    const builder = new GraphBuilder(1);
    const twin = () => builder.emit("parameter", [], { name: "w", shape: [2], initialisation: { kind: "constant", value: 0 } });
    const graph = mergeCommonSubexpressions(builder.graph({ y: math.add(twin(), twin()) }));
    expect(parameterSlots(graph)).toHaveLength(2);
  });
});

describe("foldConstants", () => {
  const folded = (make: (x: Value) => Value, shape?: Shape): Graph => optimise(build((x) => ({ y: make(x) }), shape));

  it("computes what is known", () => {
    const graph = folded((x) => math.add(x, math.multiply(math.constant(x, 3), math.constant(x, 4))));
    expect(operationsOf(graph)).toEqual(["input", "constant", "add"]);
    expect(graph.nodes[1].attributes).toEqual({ shape: [], values: [12] });
  });

  it("rounds to float32, as engines would", () => {
    const graph = folded((x) => math.add(x, math.divide(math.constant(x, 1), math.constant(x, 3))));
    expect(graph.nodes[1].attributes).toEqual({ shape: [], values: [Math.fround(1 / 3)] });
  });

  it("keeps one value for a large constant fill, and leaves other large constants to the engine", () => {
    const fill = folded((x) => math.add(x, math.broadcastTo(math.constant(x, 2), [100, 1000])), [100, 1000]);
    expect(fill.nodes.find((node) => node.operation === "constant")?.attributes).toMatchObject({ values: [2] });
    const large = folded((x) => math.add(x, math.exp(math.constant(x, 2, [100, 1000]))), [100, 1000]);
    expect(operationsOf(large)).toContain("exp");
  });

  it.each<[string, (x: Value) => Value]>([
    ["x + 0", (x) => math.add(x, 0)],
    ["0 + x", (x) => math.add(math.constant(x, 0), x)],
    ["x − 0", (x) => math.subtract(x, 0)],
    ["x · 1", (x) => math.multiply(x, 1)],
    ["1 · x", (x) => math.multiply(math.constant(x, 1), x)],
    ["x / 1", (x) => math.divide(x, 1)],
    ["x¹", (x) => math.power(x, 1)],
    ["a reshape to the same shape", (x) => math.reshape(x, [2, -1])],
    ["a transpose that moves nothing", (x) => math.transpose(x, [0, 1])],
    ["a sum over no axes", (x) => math.sum(x, [])],
  ])("removes %s", (_, make) => {
    expect(operationsOf(folded(make))).toEqual(["input"]);
  });

  it("keeps an addition of 0 that broadcasts", () => {
    const graph = folded((x) => math.add(x, math.constant(x, 0, [4, 3])), [3]);
    expect(operationsOf(graph)).toEqual(["input", "constant", "add"]);
  });
});

describe("joinPads", () => {
  const joined = (make: (x: Value) => Value, shape: Shape): string[] => {
    const graph = build((x) => ({ y: make(x) }), shape);
    const x = Float64Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => i + 1);
    const after = joinPads(graph);
    expect(evaluate(after, { x }).y).toEqual(evaluate(graph, { x }).y);
    return operationsOf(eliminateDeadCode(after));
  };

  it("makes a concatenation of the gradients of slices, in any order", () => {
    const parts = (x: Value, order: number[]): Value =>
      order
        .map((i) => math.pad(math.multiply(math.slice(x, 0, i, i + 1), 2 + i), 0, i, 2 - i))
        .reduce((sum, part) => math.add(sum, part));
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const operations = joined((x) => parts(x, order), [3, 4]);
      expect(operations.filter((name) => name === "concatenate")).toHaveLength(1);
      expect(operations).not.toContain("pad");
      expect(operations).not.toContain("add");
    }
  });

  it("keeps the zeros around", () => {
    const operations = joined((x) => math.add(math.pad(x, 1, 1, 5), math.pad(x, 1, 4, 2)), [2, 3]);
    expect(operations).toEqual(["input", "concatenate", "pad"]);
  });

  it("leaves alone what overlaps, has a gap or lies along other axes", () => {
    expect(joined((x) => math.add(math.pad(x, 1, 1, 4), math.pad(x, 1, 3, 2)), [2, 3])).toContain("add");
    expect(joined((x) => math.add(math.pad(x, 1, 0, 4), math.pad(x, 1, 4, 0)), [2, 3])).toContain("add");
    // Both become [6, 3]: one below, the other beside zeros.
    const across = (x: Value): Value => math.add(math.pad(x, 0, 0, 4), math.pad(math.reshape(x, [6, 1]), 1, 2, 0));
    expect(joined(across, [2, 3])).toContain("add");
  });
});

describe("a relu before a max pool", () => {
  const forward = (after: (rectified: Value, pooled: Value) => Value): Graph => {
    const builder = new GraphBuilder(1);
    const x = builder.emit("parameter", [], {
      name: "x",
      shape: [2, 3, 4, 4],
      initialisation: { kind: "constant", value: 0 },
    });
    const rectified = math.relu(x);
    const pooled = math.maxPool2d(rectified, { kernel: [2, 2] });
    return builder.graph({ loss: math.reshape(math.sum(after(rectified, pooled)), [1]) });
  };
  // Ties among the positive, windows with nothing positive, and zeros.
  const values = Array.from({ length: 96 }, (_, i) => ((i * 7) % 9) - 5);

  it("comes after it, with the same values and gradients", () => {
    const graph = forward((_, pooled) => math.square(pooled));
    const training = trainingGraph(graph, 1);
    expect(operationsOf(training).slice(0, 3)).toEqual(["parameter", "maxPool2d", "relu"]);
    expect(training.nodes.find((node) => node.operation === "relu")!.shape).toEqual([2, 3, 2, 2]);
    // Read twice it stays, which is the way to know what the gradient would be without the pass.
    const kept = trainingGraph(
      forward((rectified, pooled) => math.add(math.square(pooled), math.multiply(math.sum(rectified), 0))),
      1,
    );
    expect(kept.nodes.find((node) => node.operation === "relu")!.shape).toEqual([2, 3, 4, 4]);
    const [moved, stayed] = [training, kept].map((each) => evaluate(each, { weights: [1] }, values));
    expect(moved.loss.data).toEqual(stayed.loss.data);
    // Not toEqual: 0 and -0 are the same gradient.
    moved["gradient:x"].data.forEach((value, i) => expect(value === stayed["gradient:x"].data[i]).toBe(true));
  });
});
