// The graph as JSON: nothing is lost on the way, and nothing that is wrong gets in.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TabgradError } from "../src/errors.ts";
import { GraphBuilder, graphFromJson, graphToJson, math, trainingGraph, type Graph } from "../src/graph/index.ts";
import { operationCase, testedOperations } from "../testing/operation-cases.ts";

const anyNumber = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0, 0, Number.MIN_VALUE, Number.MAX_VALUE, 0.1));
const anyInitialisation = fc.oneof(
  fc.record({ kind: fc.constant("constant" as const), value: anyNumber }),
  fc.record({ kind: fc.constant("uniform" as const), low: anyNumber, high: anyNumber }),
  fc.record({ kind: fc.constant("normal" as const), mean: anyNumber, deviation: anyNumber }),
);
const anyName = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom("NaN", "-0", "__proto__", "constructor", "0.weight", "ä\u2028"),
);

/** Sources with any names and numbers, which the cases of operations do not have. */
const sources: fc.Arbitrary<Graph> = fc
  .record({
    names: fc.uniqueArray(anyName, { minLength: 2, maxLength: 2 }),
    label: fc.string(),
    // Own properties of this name do not survive zod, nor should they.
    output: anyName.filter((name) => name !== "__proto__"),
    initialisation: anyInitialisation,
    values: fc.array(anyNumber, { minLength: 1, maxLength: 5 }),
    slope: anyNumber,
    rows: fc.integer({ min: 1, max: 1000 }),
  })
  .map(({ names: [first, second], label, output, initialisation, values, slope, rows }) => {
    const builder = new GraphBuilder(rows);
    const x = builder.emit("input", [], { name: first, shape: [values.length], batched: true });
    const result = builder.scope(label, () => {
      const parameter = builder.emit("parameter", [], { name: second, shape: [values.length], initialisation });
      return math.leakyRelu(math.add(math.multiply(x, parameter), math.constant(x, values, [values.length])), slope);
    });
    return builder.graph({ [output]: result });
  });

describe("graphToJson and graphFromJson", () => {
  it("keep the graph of every operation, and its training graph", () => {
    for (const name of testedOperations) {
      fc.assert(
        fc.property(operationCase(name), ({ forward }) => {
          for (const graph of [forward, trainingGraph(forward, 1)]) expect(graphFromJson(graphToJson(graph))).toEqual(graph);
        }),
        { numRuns: 10 },
      );
    }
  });

  it("keep every name, label and number, those that JSON cannot write too", () => {
    fc.assert(
      fc.property(sources, (graph) => {
        const back = graphFromJson(graphToJson(graph));
        expect(back.nodes).toEqual(graph.nodes);
        expect(back.rows).toBe(graph.rows);
        expect(Object.entries(back.outputs)).toEqual(Object.entries(graph.outputs));
        expect(graphToJson(back)).toBe(graphToJson(graph));
      }),
    );
  });

  it("write no shapes: whoever reads infers them", () => {
    const builder = new GraphBuilder(4);
    const x = builder.emit("input", [], { name: "x", shape: [2], batched: true });
    const text = graphToJson(builder.graph({ y: math.relu(x) }));
    expect(JSON.parse(text)).toEqual({
      version: 1,
      rows: 4,
      nodes: [
        { operation: "input", inputs: [], attributes: { name: "x", shape: [2], batched: true }, label: "" },
        { operation: "relu", inputs: [0], attributes: {}, label: "" },
      ],
      outputs: { y: 1 },
    });
    expect(graphFromJson(text.replace('"rows":4', '"rows":9')).nodes[1].shape).toEqual([9, 2]);
  });
});

describe("graphFromJson refuses", () => {
  const x = { operation: "input", inputs: [], attributes: { name: "x", shape: [2, 3], batched: false }, label: "features" };
  const node = (operation: unknown, inputs: unknown = [0], attributes: unknown = {}): unknown => ({
    operation,
    inputs,
    attributes,
    label: "",
  });
  const parameter = (name: string): unknown =>
    node("parameter", [], { name, shape: [2], initialisation: { kind: "constant", value: 0 } });
  const document = (nodes: unknown[], rest: object = {}): string =>
    JSON.stringify({ version: 1, rows: 1, nodes, outputs: {}, ...rest });

  function complaint(text: string): string {
    try {
      graphFromJson(text);
    } catch (error) {
      if (!(error instanceof TabgradError)) throw error;
      expect(error.code).toBe("GRAPH_INVALID");
      expect(error.message).toMatch(/^This is not a graph of format 1: /);
      return error.message;
    }
    throw new Error("it was accepted");
  }

  it.each<[string, string, string]>([
    ["text", "hello", "not JSON"],
    ["nothing", "", "not JSON"],
    ["null", "null", "expected object"],
    ["a list", "[]", "expected object"],
    ["another version", document([x], { version: 2 }), "at version"],
    ["no rows", document([x], { rows: 0 }), "at rows"],
    ["half a row", document([x], { rows: 1.5 }), "at rows"],
    ["unknown fields", document([x], { script: "alert(1)" }), 'Unrecognized key: "script"'],
    ["nodes with unknown fields", document([{ ...x, code: "x" }]), 'Unrecognized key: "code"'],
    ["shapes in nodes", document([{ ...x, shape: [9] }]), 'Unrecognized key: "shape"'],
    ["an unknown operation", document([x, node("conv9d")]), 'node 1: there is no operation "conv9d"'],
    ["an operation of every object", document([x, node("toString")]), 'there is no operation "toString"'],
    ["an operation of no object", document([x, node("__proto__")]), 'there is no operation "__proto__"'],
    ["an operation that is a number", document([x, node(5)]), "at nodes[1].operation"],
    ["no attributes", document([{ operation: "relu", inputs: [0], label: "" }]), "at nodes[0].attributes"],
    [
      "attributes of another operation",
      document([x, node("relu", [0], { slope: 1 })]),
      'node 1: relu: ✖ Unrecognized key: "slope"',
    ],
    ["a slope in words", document([x, node("leakyRelu", [0], { slope: "steep" })]), "node 1: leakyRelu: "],
    ["axes that are no numbers", document([x, node("sum", [0], { axes: ["0"], keepDimensions: false })]), "at axes[0]"],
    ["axes below 0", document([x, node("sum", [0], { axes: [-1], keepDimensions: false })]), "at axes[0]"],
    ["an axis that is not there", document([x, node("argmax", [0], { axis: 2 })]), "node 1: argmax: axis 2 does not exist"],
    ["an axis named twice", document([x, node("sum", [0], { axes: [1, 1], keepDimensions: false })]), "axis 1 is named twice"],
    ["dimensions of 0", document([{ ...x, attributes: { name: "x", shape: [0], batched: true } }]), "node 0 (features): input: "],
    [
      "a great many dimensions",
      document([{ ...x, attributes: { name: "x", shape: Array(17).fill(1), batched: true } }]),
      "node 0 (features)",
    ],
    [
      "tensors too large to hold",
      document([{ ...x, attributes: { name: "x", shape: [2 ** 20, 2 ** 20], batched: true } }]),
      "more than 2147483648 elements",
    ],
    [
      "dimensions too large to count",
      document([{ ...x, attributes: { name: "x", shape: [2 ** 60], batched: true } }]),
      "node 0 (features)",
    ],
    [
      "too many rows",
      document([{ ...x, attributes: { name: "x", shape: [2], batched: true } }], { rows: 2 ** 40 }),
      "more than 2147483648 elements",
    ],
    ["an expansion too large to hold", document([x, node("oneHot", [0], { depth: 2 ** 31 })]), "more than 2147483648 elements"],
    ["an input that comes later", document([x, node("add", [0, 1])]), "node 1: input 1 does not come before it"],
    ["an input that is not there", document([x, node("relu", [7])]), "node 1: input 7 does not come before it"],
    ["an input below 0", document([x, node("relu", [-1])]), "at nodes[1].inputs[0]"],
    ["too few inputs", document([x, node("add", [0])]), "node 1: add does not take 1 inputs"],
    ["too many inputs", document([x, node("relu", [0, 0])]), "node 1: relu does not take 2 inputs"],
    ["far too many inputs", document([x, node("relu", Array(257).fill(0))]), "at nodes[1].inputs"],
    [
      "shapes that do not fit",
      document([x, node("matmul", [0, 0], { transposeA: false, transposeB: false })]),
      "node 1: matmul: matmul of [2, 3] and [2, 3]",
    ],
    [
      "a constant of the wrong length",
      document([node("constant", [], { shape: [3], values: [1, 2] })]),
      "a constant of shape [3] has 3 values or one, not 2",
    ],
    ["a constant without values", document([node("constant", [], { shape: [], values: [] })]), "node 0: constant: "],
    ["a permutation of other axes", document([x, node("transpose", [0], { permutation: [0, 2] })]), "is not a permutation"],
    ["a reshape to nothing", document([x, node("reshape", [0], { shape: [0] })]), "cannot become [0]"],
    [
      "an unknown initialisation",
      document([node("parameter", [], { name: "w", shape: [1], initialisation: { kind: "magic" } })]),
      "node 0: parameter: ",
    ],
    ["a parameter without a name", document([parameter("")]), "node 0: parameter: "],
    ["two parameters of one name", document([parameter("w"), parameter("w")]), 'two parameters are called "w"'],
    ["an output that is not there", document([x], { outputs: { y: 1 } }), "output y names node 1 of 1"],
    ["an output that is no number", document([x], { outputs: { y: "0" } }), "at outputs.y"],
  ])("%s", (_, text, expected) => {
    expect(complaint(text)).toContain(expected);
  });

  it("more nodes than anybody needs", () => {
    expect(complaint(document(Array<unknown>(100_001).fill(x)))).toContain("at nodes");
  });

  it("any other JSON, always with an error of its own", () => {
    fc.assert(fc.property(fc.json(), (text) => void complaint(text)));
  });

  it("a good document with any one value replaced, or reads it as a good one", () => {
    const good = graphToJson(trainingGraph(fc.sample(operationCase("matmul"), { numRuns: 1, seed: 1 })[0].forward, 1));
    const values = [...good.matchAll(/-?\d+(\.\d+)?|true|false|"[^"]*"/g)];
    const hostile = fc.oneof(fc.json({ maxDepth: 1 }), fc.integer().map(String), fc.constantFrom("1e308", "-1", '"__proto__"'));
    fc.assert(
      fc.property(fc.nat({ max: values.length - 1 }), hostile, (which, replacement) => {
        const { index, 0: found } = values[which];
        const text = good.slice(0, index) + replacement + good.slice(index + found.length);
        try {
          graphFromJson(text);
        } catch (error) {
          expect((error as TabgradError).code).toBe("GRAPH_INVALID");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("to change any object's prototype", () => {
    const text = document([x]).replace('"outputs":{}', '"outputs":{"__proto__":0}');
    const graph = graphFromJson(text);
    expect(Object.getPrototypeOf(graph.outputs)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
