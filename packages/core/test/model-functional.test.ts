// Models as functions of their layers, and blocks: what they compute, how their parameters are called, what they say when something
// does not fit.
import { describe, expect, it } from "vitest";
import { math, parameterSlots, type Graph } from "../src/graph/index.ts";
import {
  crossEntropy,
  dense,
  flatten,
  forwardGraph,
  functional,
  layerSummaries,
  parallel,
  predictionGraph,
  relu,
  reshape,
  residual,
  sequential,
  summary,
  tanh,
  type Layer,
} from "../src/model/index.ts";
import { frozenNames, optimizerSpecSchema, sgd, vectorParts } from "../src/optimizer/index.ts";
import { trainedStretches } from "../src/protocol/index.ts";
import { failure, predict } from "./model-support.ts";

const names = (graph: Graph): string[] => parameterSlots(graph).map((slot) => slot.name);
const initialisationsOf = (graph: Graph) => parameterSlots(graph).map((slot) => slot.initialisation);

const linear = (units: number): Layer => dense(units, { bias: false });

describe("functional", () => {
  const gated = functional({ value: linear(2), gate: linear(2) }, (x, { value, gate }) =>
    math.multiply(value(x), math.sigmoid(gate(x))),
  );

  it("computes what its function says, for any number of rows", () => {
    const logistic = (z: number) => 1 / (1 + Math.exp(-z));
    const found = predict(gated, [1], 2, [1, 2], [3, 4, 5, 6]);
    [3 * logistic(5), 4 * logistic(6), 6 * logistic(10), 8 * logistic(12)].forEach((y, i) => expect(found[i]).toBeCloseTo(y, 13));
  });

  it("names parameters after the layers, and numbers those of a list, in the order of their first use", () => {
    const stack = functional({ head: dense(1), blocks: [dense(4), sequential(dense(4), relu())] }, (x, { blocks, head }) =>
      head(blocks.reduce((y, block) => math.add(y, block(y)), x)),
    );
    expect(names(predictionGraph(stack, [4]))).toEqual([
      "blocks.0.weight",
      "blocks.0.bias",
      "blocks.1.0.weight",
      "blocks.1.0.bias",
      "head.weight",
      "head.bias",
    ]);
    expect(names(predictionGraph(sequential(dense(4), gated), [4]))).toEqual([
      "0.weight",
      "0.bias",
      "1.value.weight",
      "1.gate.weight",
    ]);
  });

  it("gives a layer that is called twice one set of parameters, whatever stands within it", () => {
    const twice = (inner: Layer) => functional({ inner }, (x, { inner }) => math.subtract(inner(math.multiply(x, 2)), inner(x)));
    expect(names(predictionGraph(twice(linear(1)), [2]))).toEqual(["inner.weight"]);
    expect(predict(twice(linear(1)), [2], 1, [10, 20], [3, 4])).toEqual([110]);
    // A layer that makes the ones within it each time that it builds.
    const made: Layer = {
      role: "layer",
      kind: "made",
      detail: "",
      build: (x, context) => context.layer("a", linear(1), context.layer("b", linear(2), x)),
    };
    expect(names(predictionGraph(twice(made), [2]))).toEqual(["inner.b.weight", "inner.a.weight"]);
  });

  it("ties layers: one uses the parameter of another", () => {
    const encoder = linear(3);
    const tied = functional({ encoder }, (x, { encoder: encode }, context) =>
      math.matmul(encode(x), context.parameterOf(encoder, "weight")),
    );
    expect(names(predictionGraph(tied, [1]))).toEqual(["encoder.weight"]);
    expect(predict(tied, [1], 1, [2], [1, 2, 3])).toEqual([2 * (1 + 4 + 9)]);
    const early = functional({ encoder }, (_, { encoder: encode }, { parameterOf }) => encode(parameterOf(encoder, "weight")));
    expect(failure(() => predictionGraph(early, [1]))).toBe(
      "MODEL_INVALID: functional: it needs the parameter weight of dense, which has not been applied yet → Apply dense first.",
    );
    const missing = functional({ encoder }, (x, { encoder: encode }, { parameterOf }) =>
      math.add(encode(x), parameterOf(encoder, "bias")),
    );
    expect(failure(() => predictionGraph(missing, [1]))).toContain(
      "it needs the parameter bias of dense encoder (3 units), which has none of that name",
    );
  });

  it("may have parameters of its own", () => {
    const scale = functional({}, (x, _, { parameter }) =>
      math.multiply(x, parameter("scale", [x.shape[x.shape.length - 1]], { kind: "constant", value: 1 })),
    );
    expect(names(predictionGraph(sequential(dense(2), scale), [3]))).toEqual(["0.weight", "0.bias", "1.scale"]);
    expect(predict(scale, [2], 1, [5, 6], [2, 3])).toEqual([10, 18]);
  });

  it("may have buffers, which are saved with the parameters and not trained, unless a group says so", () => {
    const masked = functional({}, (x, _, { buffer }) => math.multiply(x, buffer("mask", [3], { kind: "constant", value: 1 })));
    const data = { features: { shape: [3], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3 } } as const;
    const graphOf = (model: Layer) => forwardGraph({ model, loss: crossEntropy(), data });
    const graph = graphOf(sequential(masked, dense(3)));
    const slots = parameterSlots(graph);
    expect(slots.map(({ name, frozen }) => [name, frozen])).toEqual([
      ["0.mask", true],
      ["1.weight", false],
      ["1.bias", false],
    ]);
    expect(frozenNames([], slots)).toEqual(["0.mask"]);
    expect(frozenNames([{ parameters: "1.*", frozen: true }], slots)).toHaveLength(3);
    expect(frozenNames([{ parameters: "*", frozen: false }], slots)).toEqual([]);
    const settings = optimizerSpecSchema.parse(sgd({ learningRate: 1 }));
    expect(vectorParts(settings, [], slots).map(({ count, frozen }) => [count, frozen])).toEqual([
      [3, true],
      [12, false],
    ]);
    expect(trainedStretches(slots)).toEqual([{ offset: 3, count: 12 }]);
    // A comparison has no gradient: a parameter there would be an error.
    const hidden = (kind: "buffer" | "parameter") =>
      functional({}, (x, _, context) =>
        math.multiply(x, math.greater(context[kind]("mask", [3], { kind: "constant", value: 1 }), 0)),
      );
    expect(() => graphOf(sequential(hidden("buffer"), dense(3)))).not.toThrow();
    expect(failure(() => graphOf(sequential(hidden("parameter"), dense(3))))).toContain("cannot learn");
    expect(failure(() => graphOf(masked))).toContain("has no parameters, so there is nothing to train");
  });

  it("is listed by its layers and operations, or as one line under a kind of its own", () => {
    const data = { features: { shape: [2, 2], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3 } } as const;
    const block = (units: number): Layer =>
      functional({ up: linear(8), down: linear(units) }, (x, { up, down }) => math.add(x, down(math.relu(up(x)))), {
        kind: "block",
        detail: `${units} units`,
      });
    const model = functional({ flat: flatten(), first: block(4), head: linear(3) }, (x, { flat, first, head }) =>
      head(math.multiply(first(flat(x)), 2)),
    );
    expect(summary(forwardGraph({ model, loss: crossEntropy(), data })).split("\n")).toEqual([
      "layer                  output  parameters",
      "features               [2, 2]           0",
      "flatten flat           [4]              0",
      "block first (4 units)  [4]             64",
      "multiply               [4]              0",
      "dense head (3 units)   [3]             12",
      "total                                  76",
    ]);
  });

  it("words operations that do not fit, whoever notices, with the layer's name", () => {
    const remedy = "Change the layer, or the one before it, so that the shapes fit.";
    const at = (layer: Layer, shape: number[]) => failure(() => predictionGraph(sequential(relu(), layer), shape));
    expect(
      at(
        functional({}, (x) => math.softmax(x, 5)),
        [2],
      ),
    ).toBe(
      `MODEL_INVALID: functional 1: axis 5 does not exist in a tensor of rank 2; expected a whole number from -2 to 1 → ${remedy}`,
    );
    expect(
      at(
        functional({}, (x) => math.sum(x, [-3]), { kind: "total" }),
        [2],
      ),
    ).toContain("MODEL_INVALID: total 1: axis -3 does");
    expect(at(functional({}, math.rotary, { kind: "turned" }), [4, 3])).toBe(
      `MODEL_INVALID: turned 1: rotary needs a shape [..., positions, an even number], not [2, 4, 3] → ${remedy}`,
    );
    const within = functional({ inner: functional({}, (x) => math.concatenate([x, x], 4)) }, (x, { inner }) => inner(x), {
      kind: "outer",
    });
    expect(at(within, [2])).toContain("MODEL_INVALID: outer 1: axis 4 does not exist");
  });

  it("says what is wrong", () => {
    const at = (model: Layer) => failure(() => predictionGraph(model, [2]));
    expect(failure(() => functional({ a: relu as never }, (x) => x))).toBe(
      "MODEL_INVALID: functional: a is the function relu; expected a layer → A layer is what the function returns: write relu() with parentheses.",
    );
    expect(failure(() => functional({ a: [relu(), 3] as never }, (x) => x))).toContain("functional: a.1 is 3; expected a layer");
    expect(failure(() => functional({ "a.b": relu() }, (x) => x))).toContain('a layer is called "a.b"');
    expect(failure(() => functional(relu() as never, (x) => x))).toContain(
      "the first argument is the layer relu; expected layers by name",
    );
    expect(failure(() => functional({ a: relu() }, relu() as never))).toContain("the second argument is the layer relu");
    expect(at(functional({ a: relu() }, (x, { a }) => void a(x) as never))).toBe(
      "MODEL_INVALID: functional: its function returns nothing → Return what the last layer or operation gives.",
    );
    expect(at(functional({ a: relu() }, (_, { a }) => a(3 as never)))).toContain("functional: the layer a is given 3 → Give it x");
    expect(at(functional({ a: relu(), b: [relu(), relu()] }, (x, { a, b }) => a(b[0](x)), { kind: "mine" }))).toBe(
      "MODEL_INVALID: mine: its layer b.1 is never called → Call it in the function, or remove it.",
    );
  });
});

describe("residual", () => {
  it("adds its input, or what the shortcut makes of it", () => {
    expect(predict(residual(linear(2)), [2], 1, [5, 6], [1, 2, 3, 4])).toEqual([5 + 17, 6 + 39]);
    const wide = residual(linear(2), tanh(), { shortcut: linear(2) });
    expect(names(predictionGraph(wide, [1]))).toEqual(["0.weight", "shortcut.weight"]);
    expect(predict(wide, [1], 1, [1], [0, 0, 3, 4])).toEqual([3, 4]);
    expect(names(predictionGraph(sequential(dense(2), residual(dense(2), relu(), dense(2))), [2]))).toEqual(
      ["0", "1.0", "1.2"].flatMap((place) => [`${place}.weight`, `${place}.bias`]),
    );
  });

  it("lets a layer within it know what comes next", () => {
    expect(initialisationsOf(predictionGraph(residual(linear(4), relu()), [4]))).toEqual(
      initialisationsOf(predictionGraph(sequential(linear(4), relu()), [4])),
    );
  });

  it("says what does not fit", () => {
    expect(failure(() => predictionGraph(sequential(residual(dense(3), relu())), [2]))).toBe(
      "MODEL_INVALID: residual 0 (dense, relu): the layers give [3] for each sample, and its input is [2]; they are added up → " +
        "Keep the shape, or give a layer that changes it: { shortcut: dense(64) }.",
    );
    expect(failure(() => predictionGraph(residual(dense(3), { shortcut: dense(4) }), [2]))).toContain("and the shortcut [4]");
    expect(failure(() => residual())).toContain("residual: there are no layers → Give at least one: residual(dense(64)).");
    expect(failure(() => residual(relu as never))).toContain("layer 0 is the function relu");
    expect(failure(() => residual(relu(), { shortcut: relu as never }))).toContain("shortcut is the function relu");
    expect(failure(() => residual(relu(), { shorcut: relu() } as never))).toBe(
      "MODEL_INVALID: residual: there is no option shorcut; did you mean shortcut? → Its option is shortcut.",
    );
  });
});

describe("parallel", () => {
  it("adds up what its branches give", () => {
    const model = parallel(linear(2), sequential(linear(2), tanh()));
    expect(names(predictionGraph(model, [1]))).toEqual(["0.weight", "1.0.weight"]);
    expect(predict(model, [1], 1, [1], [10, 20, 0, 0])).toEqual([10, 20]);
    expect(layerSummaries(predictionGraph(sequential(model), [1])).map(({ layer }) => layer)).toEqual([
      "features",
      "parallel 0 (2 branches, added up)",
    ]);
  });

  it("joins what its branches give along the channels, or another dimension", () => {
    const shape = (model: Layer, sample: number[]) => {
      const { nodes, outputs } = predictionGraph(model, sample);
      return nodes[outputs.prediction].shape.slice(1);
    };
    const both = (axis?: number): Layer => parallel(relu(), tanh(), { join: "concatenate", axis });
    expect(predict(both(), [2], 1, [1, 2])).toEqual([1, 2, Math.tanh(1), Math.tanh(2)]);
    expect(shape(both(), [3, 8, 8])).toEqual([6, 8, 8]);
    expect(shape(both(), [5, 4])).toEqual([5, 8]);
    expect(shape(both(0), [5, 4])).toEqual([10, 4]);
    expect(shape(both(-2), [3, 8, 8])).toEqual([3, 16, 8]);
    expect(names(predictionGraph(parallel(linear(2), linear(3), { join: "concatenate" }), [1]))).toEqual(["0.weight", "1.weight"]);
  });

  it("says what does not fit", () => {
    expect(failure(() => predictionGraph(parallel(linear(2), linear(3)), [1]))).toBe(
      "MODEL_INVALID: parallel (2 branches, added up): branch 0 gives [2] for each sample and branch 1 [3]; they are added up → " +
        'Let all branches give the same shape, or join them with { join: "concatenate" }.',
    );
    const joined = (axis?: number) =>
      parallel(sequential(linear(2), reshape([2, 1])), reshape([1, 1]), { join: "concatenate", axis });
    expect(failure(() => predictionGraph(joined(1), [1]))).toBe(
      "MODEL_INVALID: parallel (2 branches, joined): branch 0 gives [2, 1] for each sample and branch 1 [1, 1]; they are joined along " +
        "dimension 1 → Let the other dimensions be the same in all branches, or join along another axis.",
    );
    expect(failure(() => predictionGraph(joined(2), [1]))).toContain("which has no dimension 2");
    expect(failure(() => parallel(relu(), { join: "add" as never }))).toContain('join is "add"; expected "sum" or "concatenate"');
    expect(failure(() => parallel(relu(), { axis: "x" as never }))).toContain('axis is "x"; expected a whole number');
  });
});
