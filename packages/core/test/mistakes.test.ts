// What a person gets wrong who writes a model: an option misspelled, of a wrong type, or something else in the place of options. A run
// file is evaluated without its types being checked, so each of these has to be said when the function is called.
import { describe, expect, it } from "vitest";
import * as core from "../src/index.ts";
import { TabgradError } from "../src/errors.ts";

/** As somebody calls them whose editor checks nothing. */
const {
  accuracy,
  adagrad,
  adam,
  adamW,
  arrow,
  averagePool1d,
  averagePool2d,
  batchNorm,
  binaryCrossEntropy,
  categoricalCrossEntropy,
  cifar,
  confusionMatrix,
  constantRate,
  conv1d,
  conv2d,
  cosineDecay,
  crossEntropy,
  csv,
  cutOut,
  dense,
  elu,
  embedding,
  f1,
  flatten,
  functional,
  gelu,
  globalAveragePool,
  globalMaxPool,
  groupNorm,
  hardSwish,
  heNormal,
  heUniform,
  horizontalFlip,
  huber,
  idx,
  imageFolder,
  jsonLines,
  layerNorm,
  leakyRelu,
  linearDecay,
  lion,
  maxPool1d,
  maxPool2d,
  meanAbsoluteError,
  meanSquaredError,
  mish,
  multiHeadAttention,
  normal,
  npy,
  npz,
  oneCycle,
  parallel,
  parquet,
  perplexity,
  positionEmbedding,
  precision,
  randomCrop,
  recall,
  reduceOnPlateau,
  relu,
  residual,
  rmsNorm,
  rmsProp,
  rSquared,
  sgd,
  shift,
  sigmoid,
  silu,
  sinusoidalPositions,
  softmax,
  softplus,
  step,
  stepDecay,
  tanh,
  text,
  topKAccuracy,
  transformerBlock,
  uniform,
} = core as unknown as Record<string, (...args: unknown[]) => unknown>;

const optimizers = { adagrad, adam, adamW, lion, rmsProp, sgd };
const schedules = { constantRate, cosineDecay, linearDecay, oneCycle, reduceOnPlateau, stepDecay };
const readers = { arrow, cifar, csv, idx, imageFolder, jsonLines, npy, npz, parquet, text };
const transforms = { cutOut, horizontalFlip, randomCrop, shift };

/** Each function that takes options, given them, with a value that is wrong for each. */
const withOptions: Record<string, [call: (options: unknown) => unknown, wrong: Record<string, unknown>]> = {
  dense: [
    (options) => dense(4, options),
    { bias: "no", weightInitialisation: 0, biasInitialisation: normal, activation: relu, flatten: 1 },
  ],
  conv1d: [(options) => conv1d(4, 3, options), { stride: [1, 1], padding: -1, dilation: 0, groups: "all", bias: 0 }],
  conv2d: [(options) => conv2d(4, 3, options), { stride: 0, padding: "full", dilation: [1], groups: 1.5, activation: "relu" }],
  maxPool1d: [(options) => maxPool1d(2, options), { stride: [2, 2], padding: "all" }],
  maxPool2d: [(options) => maxPool2d(2, options), { stride: 0.5, padding: [1] }],
  averagePool1d: [(options) => averagePool1d(2, options), { stride: 0, padding: -1, countPadding: "yes" }],
  averagePool2d: [(options) => averagePool2d(2, options), { stride: "2", padding: null, countPadding: 1 }],
  layerNorm: [(options) => layerNorm(options), { dimensions: 0, epsilon: 0, affine: 1, bias: "no" }],
  rmsNorm: [(options) => rmsNorm(options), { epsilon: -1, affine: null }],
  groupNorm: [(options) => groupNorm(2, options), { epsilon: "small", affine: "yes" }],
  batchNorm: [(options) => batchNorm(options), { epsilon: NaN, momentum: 2, affine: 0 }],
  multiHeadAttention: [
    (options) => multiHeadAttention(withHeads(options)),
    { heads: 0, causal: "yes", rotary: 10_000, bias: 1, dropout: 1, padding: embedding(5, 2) },
  ],
  transformerBlock: [
    (options) => transformerBlock(withHeads(options)),
    { heads: 1.5, causal: 1, rotary: "yes", dropout: -0.1, expand: 0.5, activation: gelu, norm: "batch", normFirst: "yes" },
  ],
  embedding: [(options) => embedding(8, 4, options), { initialisation: "normal", padding: 8 }],
  positionEmbedding: [(options) => positionEmbedding(options), { positions: 0, initialisation: 0.02 }],
  sinusoidalPositions: [(options) => sinusoidalPositions(options), { base: 0 }],
  leakyRelu: [(options) => leakyRelu(options), { slope: "0.1" }],
  elu: [(options) => elu(options), { alpha: Infinity }],
  gelu: [(options) => gelu(options), { approximate: "sigmoid" }],
  residual: [(options) => (options === undefined ? residual(dense(4)) : residual(dense(4), options)), { shortcut: dense }],
  parallel: [
    (options) => (options === undefined ? parallel(dense(4)) : parallel(dense(4), options)),
    { join: "product", axis: 0.5 },
  ],
  functional: [(options) => functional({}, (x: unknown) => x, options), { kind: 5, detail: ["wide"] }],
  heUniform: [(options) => heUniform(options), { slope: null }],
  heNormal: [(options) => heNormal(options), { slope: "leaky" }],
  uniform: [(options) => uniform(options), { low: "-1", high: NaN }],
  normal: [(options) => normal(options), { mean: [0], deviation: "0.1" }],
  huber: [(options) => huber(options), { delta: 0 }],
  crossEntropy: [(options) => crossEntropy(options), { labelSmoothing: 1, classWeights: [0, 0], ignoreIndex: "pad" }],
  categoricalCrossEntropy: [(options) => categoricalCrossEntropy(options), { labelSmoothing: -0.1 }],
  binaryCrossEntropy: [(options) => binaryCrossEntropy(options), { positiveWeight: -1 }],
  accuracy: [(options) => accuracy(options), { threshold: "half" }],
  topKAccuracy: [(options) => topKAccuracy(options), { k: 0 }],
  precision: [(options) => precision(options), { threshold: null, average: "samples" }],
  recall: [(options) => recall(options), { average: true }],
  f1: [(options) => f1(options), { average: "macros" }],
  confusionMatrix: [(options) => confusionMatrix(options), { threshold: "0.5" }],
};

const withHeads = (options: unknown): unknown =>
  typeof options === "object" && options !== null && !Array.isArray(options) && !("role" in options)
    ? { heads: 2, ...options }
    : options;

function thrown(build: () => unknown): TabgradError {
  try {
    build();
  } catch (error) {
    if (error instanceof TabgradError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const takesLayers = (name: string): boolean => name === "residual" || name === "parallel";

describe.each(Object.entries(withOptions))("%s", (name, [call, wrong]) => {
  it("takes none, and none of them stated", () => {
    if (!("heads" in wrong)) call(undefined);
    call({});
    call(Object.fromEntries(Object.keys(wrong).flatMap((option) => (option === "heads" ? [] : [[option, undefined]]))));
  });

  it.each(Object.entries(wrong))("refuses a wrong %s", (option, value) => {
    const { code, message, remedy } = thrown(() => call({ [option]: value }));
    expect(code).toBe("MODEL_INVALID");
    expect(message).toMatch(new RegExp(`^${name}: ${option} is .+; expected .+`));
    expect(remedy.length).toBeGreaterThan(10);
  });

  it("tells a misspelled option what was meant", () => {
    for (const option of Object.keys(wrong)) {
      const { code, message, remedy } = thrown(() => call({ [`${option}s`]: 1 }));
      expect(code).toBe("MODEL_INVALID");
      expect(message).toBe(`${name}: there is no option ${option}s; did you mean ${option}?`);
      expect(remedy).toMatch(new RegExp(`^Its options? (is|are) .*${option}`));
    }
  });

  const others = Object.entries({ "a number": 5, null: null, "a text": "same", "a list": [1, 2], "a layer": relu() });
  // Behind layers, a layer is one more of them.
  it.each(others.filter(([what]) => what !== "a layer" || !takesLayers(name)))("refuses %s in the place of options", (_, value) => {
    const { code, message, remedy } = thrown(() => call(value));
    expect(code).toBe("MODEL_INVALID");
    expect(message).toMatch(new RegExp(`^${name}: .+; expected .+`));
    expect(remedy.length).toBeGreaterThan(10);
  });
});

/** Those without options, and what a person may take them to have. */
const withoutOptions = {
  flatten,
  globalAveragePool,
  globalMaxPool,
  hardSwish,
  meanAbsoluteError,
  meanSquaredError,
  mish,
  perplexity,
  relu,
  rSquared,
  sigmoid,
  silu,
  softmax,
  softplus,
  step,
  tanh,
};

describe.each(Object.entries(withoutOptions))("%s", (name, call) => {
  it("takes nothing", () => {
    call();
    const { code, message, remedy } = thrown(() => call(0.1));
    expect(code).toBe("MODEL_INVALID");
    expect(message).toBe(`${name}: it was given 0.1; expected nothing`);
    expect(remedy).toBe(`Write ${name}().`);
  });
});

describe("a function of layers that fails", () => {
  const built = (forward: (x: unknown, layers: Record<string, (x: unknown) => unknown>) => unknown): TabgradError =>
    thrown(() => core.predictionGraph(functional({ a: dense(2) }, forward) as core.Layer, [2]));

  it.each([
    ["a layer that it has not", built((x, layers) => layers.b(x)), "functional: its function fails: layers.b is not a function"],
    [
      "a layer for a value",
      built((x, { a }) => core.math.add(a(x) as core.Value, dense(2) as never)),
      "add: an input belongs to another graph",
    ],
  ])("%s", (_, { code, message, remedy }, expected) => {
    expect(code).toBe("MODEL_INVALID");
    expect(message).toContain(expected);
    expect(remedy).toContain("Its layers are a.");
  });
});

describe("a model that no memory holds", () => {
  it("is told how large it is, and where", () => {
    const graph = core.predictionGraph(core.sequential(core.dense(100_000), core.dense(1_000_000)), [2]);
    const { code, message } = thrown(() => core.initialParameters(graph, 1));
    expect(code).toBe("MODEL_TOO_LARGE");
    expect(message).toMatch(
      /^The model has 100,001,300,000 parameters, 372\.5 GiB, most of them in 1\.weight \[1000000, 100000\]; at most 4 GiB/,
    );
  });
});

describe("plain data", () => {
  const makers = { ...optimizers, ...schedules, ...readers, ...transforms };

  it.each(Object.entries(makers))("%s refuses what is no object of options", (name, call) => {
    for (const value of [0.1, null, "data.csv", [1], relu()]) {
      const { code, message, remedy } = thrown(() => call(value));
      expect(code).toBe("RUN_FILE_INVALID");
      expect(message).toMatch(new RegExp(`^${name}: its options are .+; expected an object of options$`));
      expect(remedy).toMatch(new RegExp(`^Name them: ${name}\\(\\{ .+ \\}\\)\\.$`));
    }
  });

  it.each(Object.entries(makers))("%s: the remedy shows options that are right", (name, call) => {
    const { remedy } = thrown(() => call(null));
    const example = /\((\{.+\})\)\.$/.exec(remedy)?.[1] ?? "";
    const json = example.replaceAll(/(\w+): /g, '"$1": ');
    const field = name in optimizers ? "optimizer" : name in schedules ? "schedule" : name in readers ? "data" : "transforms";
    const made = call(JSON.parse(json));
    const message = complaint({ [field]: field === "transforms" ? [made] : made });
    expect(message).not.toMatch(new RegExp(`^ *${field}`, "m"));
  });

  it.each([
    ["an optimizer", { optimizer: { ...(adam({}) as object), lr: 1 } }, "optimizer.lr: unknown field; did you mean learningRate?"],
    ["an abbreviation", { optimizer: adam({ eps: 1e-8 }) }, "optimizer.eps: unknown field; did you mean epsilon?"],
    ["a schedule", { schedule: cosineDecay({ warmup: { steps: 1 } }) }, "schedule.warmup: unknown field; did you mean warmUp?"],
    ["a span", { schedule: cosineDecay({ warmUp: { step: 1 } }) }, "schedule.warmUp.step: unknown field; did you mean steps?"],
    [
      "a transform",
      { transforms: [shift({ x: 1 }), cutOut({ szie: 3 })] },
      "transforms[1].szie: unknown field; did you mean size?",
    ],
    [
      "a group",
      { parameterGroups: [{ parameters: "*", freeze: true }] },
      "parameterGroups[0].freeze: unknown field; there are parameters, learningRate, weightDecay, frozen",
    ],
    ["files", { data: idx({ train: { images: "i", label: "l" } }) }, "data.train.label: unknown field; did you mean labels?"],
    [
      "a share",
      { data: csv({ path: "p", label: 0, test: { fractoin: 0.1 } }) },
      "data.test.fractoin: unknown field; did you mean fraction?",
    ],
    ["early stopping", { stopEarly: { patiance: 3 } }, "stopEarly.patiance: unknown field; did you mean patience?"],
    ["a goal", { goal: { metrics: "accuracy" } }, "goal.metrics: unknown field; did you mean metric?"],
    ["clipping", { clip: { norms: 1 } }, "clip.norms: unknown field; did you mean norm?"],
    ["an average", { averageWeights: { deacy: 0.9 } }, "averageWeights.deacy: unknown field; did you mean decay?"],
    [
      "tokens",
      { data: text({ path: "p", length: 9, tokens: { bytePair: 300 } }) },
      "data.tokens.bytePair: unknown field; did you mean bytePairs?",
    ],
  ])("a misspelled option of %s", (_, fields, expected) => {
    expect(complaint(fields)).toContain(expected);
  });
});

/** What is wrong with a run file that says only this. */
function complaint(fields: Record<string, unknown>): string {
  const { code, message, remedy } = thrown(() => core.checkRun(fields));
  expect(code).toBe("RUN_FILE_INVALID");
  expect(remedy).toMatch(/^Correct (it|them) in the run file/);
  return message;
}
