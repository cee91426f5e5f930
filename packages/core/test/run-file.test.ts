// The run file: defaults, every complaint, overrides, and the description that a checkpoint keeps.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csv, idx } from "../src/data/index.ts";
import { TabgradError } from "../src/errors.ts";
import { accuracy, crossEntropy, dense, meanSquaredError, relu, sequential, type DataShape } from "../src/model/index.ts";
import { adam, sgd } from "../src/optimizer/index.ts";
import {
  applyOverrides,
  checkRun,
  defaultMicrobatchSize,
  defineRun,
  resolveRun,
  restoreRun,
  type RunFile,
} from "../src/run/index.ts";

const run = defineRun({
  data: idx({ train: { images: "images", labels: "labels" } }),
  model: sequential(dense(8), relu(), dense(3)),
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 1e-3 }),
  batchSize: 256,
  epochs: 3,
});
const digits: DataShape = { features: { shape: [4, 4], scale: 1 / 255, shift: 0 }, labels: { kind: "classes", count: 3 } };

function failure(build: () => unknown): { code: string; message: string; remedy: string } {
  try {
    build();
  } catch (error) {
    if (!(error instanceof TabgradError)) throw error;
    return { code: error.code, message: error.message, remedy: error.remedy };
  }
  throw new Error("nothing was thrown");
}

/** The complaint about `run` with some fields changed; undefined removes one. */
const complaint = (changes: Record<string, unknown>): string => failure(() => checkRun({ ...run, ...changes })).message;

describe("checkRun", () => {
  it("fills in the defaults", () => {
    const settings = checkRun(run);
    expect(settings).toMatchObject({
      batchSize: 256,
      microbatchSize: 32,
      duration: { epochs: 3 },
      seed: 1,
      evaluateEvery: { epochs: 1 },
      checkpointEvery: { epochs: 1 },
      exact: false,
      precision: "float32",
    });
    expect(settings.optimizer).toMatchObject({ kind: "adam", learningRate: 1e-3, beta1: 0.9, beta2: 0.999 });
    expect(settings.model).toBe(run.model);
    expect(settings).not.toHaveProperty("initialise");
  });

  it("takes what is stated", () => {
    const stated: RunFile = {
      ...run,
      epochs: undefined,
      steps: 10,
      seed: 7,
      microbatchSize: 64,
      metrics: [accuracy(), meanSquaredError()],
      evaluateEvery: { steps: 5 },
      checkpointEvery: { seconds: 0.5 },
      exact: true,
      initialise: "weights.safetensors",
    };
    expect(checkRun(stated)).toMatchObject({
      duration: { steps: 10 },
      seed: 7,
      microbatchSize: 64,
      evaluateEvery: { steps: 5 },
      checkpointEvery: { seconds: 0.5 },
      exact: true,
      initialise: "weights.safetensors",
    });
    expect(checkRun({ ...run, evaluateEvery: "end", checkpointEvery: "end" })).toMatchObject({
      evaluateEvery: "end",
      checkpointEvery: "end",
    });
  });

  it("names the path, what was expected and what came", () => {
    expect(failure(() => checkRun({ ...run, optimizer: { kind: "adam", learningRate: "fast" } }))).toEqual({
      code: "RUN_FILE_INVALID",
      message: 'optimizer.learningRate: expected a number above 0, got "fast"',
      remedy: "Correct it in the run file, or in --set.",
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["no batch size", { batchSize: undefined }, "batchSize: expected a whole number from 1 to 16777216, but it is missing"],
    ["a batch size of 0", { batchSize: 0 }, "batchSize: expected a whole number from 1 to 16777216, got 0"],
    ["half a sample", { batchSize: 1.5 }, "batchSize: expected a whole number from 1 to 16777216, got 1.5"],
    ["a seed below 0", { seed: -1 }, "seed: expected a whole number from 0 to 4294967295, got -1"],
    [
      "no data",
      { data: undefined },
      "data: expected data made by idx, npy, npz, cifar, csv, jsonLines, parquet, arrow, imageFolder or text, such as csv({ path: …, label: … }), but it is missing",
    ],
    [
      "a path for data",
      { data: "mnist" },
      'data: expected data made by idx, npy, npz, cifar, csv, jsonLines, parquet, arrow, imageFolder or text, such as csv({ path: …, label: … }), got "mnist"',
    ],
    [
      "data of another kind",
      { data: { kind: "spreadsheet" } },
      'data.kind: expected data made by idx, npy, npz, cifar, csv, jsonLines, parquet, arrow, imageFolder or text, such as csv({ path: …, label: … }), got "spreadsheet"',
    ],
    [
      "no labels",
      { data: idx({ train: { images: "i" } as never }) },
      "data.train.labels: expected a path relative to the run file",
    ],
    [
      "a share of nothing",
      { data: idx({ train: { images: "i", labels: "l" }, test: { fraction: 2 } }) },
      "data.test.fraction: expected less than 1: something has to be left to train on, got 2",
    ],
    [
      "no optimizer",
      { optimizer: undefined },
      "optimizer: expected an optimizer made by sgd, adam, adamW, rmsProp, lion or adagrad",
    ],
    ["a clip of nothing", { clip: {} }, "clip: expected { norm: N } or { value: N }, got "],
    ["two clips", { clip: { norm: 1, value: 1 } }, "clip: expected { norm: N } or { value: N }"],
    ["a norm of nothing", { clip: { norm: 0 } }, "clip.norm: expected a number above 0, got 0"],
    ["groups that are no list", { parameterGroups: { parameters: "*" } }, "parameterGroups: expected a list such as [{ parameters"],
    [
      "a group of no parameters",
      { parameterGroups: [{ frozen: true }] },
      "parameterGroups[0].parameters: expected a name, a pattern",
    ],
    ["an unknown setting of a group", { parameterGroups: [{ parameters: "*", lr: 1 }] }, "parameterGroups[0].lr: unknown field"],
    ["a function for an optimizer", { optimizer: adam }, "got the function adam"],
    [
      "a function for a model",
      { model: relu },
      "model: expected a model such as sequential(dense(128), relu(), dense(10)), got the function relu",
    ],
    ["a loss for a model", { model: crossEntropy() }, "got the loss crossEntropy"],
    ["a name for a loss", { loss: "crossEntropy" }, 'loss: expected a loss such as crossEntropy(), got "crossEntropy"'],
    ["a metric for a loss", { loss: accuracy() }, "loss: expected a loss such as crossEntropy(), got the metric accuracy"],
    ["one metric", { metrics: accuracy() }, "metrics: expected a list of metrics such as [accuracy()], got the metric accuracy"],
    ["a name for a metric", { metrics: [accuracy(), "mse"] }, 'metrics[1]: expected a metric such as accuracy(), got "mse"'],
    ["neither epochs nor steps", { epochs: undefined }, "epochs: expected epochs or steps, but both are missing"],
    ["epochs and steps", { steps: 5 }, "epochs: expected either epochs or steps, got both"],
    ["no epoch", { epochs: 0 }, "epochs: expected a whole number from 1 to 4294967295, got 0"],
    ["a word for exact", { exact: "yes" }, 'exact: expected true or false, got "yes"'],
    ["another precision", { precision: "f16" }, 'precision: expected "float32" or "mixed", got "f16"'],
    ["an empty path", { initialise: "" }, 'initialise: expected the path of a checkpoint, not an empty one, got ""'],
    ["no path", { initialise: { prefix: "model." } }, "initialise.from: expected the path of a checkpoint, but it is missing"],
    ["a strange option", { initialise: { from: "a", prefx: "" } }, "initialise.prefx: unknown field; did you mean prefix?"],
    [
      "a word for an interval",
      { evaluateEvery: "epoch" },
      'evaluateEvery: expected { epochs: N } or { steps: N }, or "end", got "epoch"',
    ],
    ["a number for an interval", { evaluateEvery: 5 }, 'evaluateEvery: expected { epochs: N } or { steps: N }, or "end", got 5'],
    ["an empty interval", { evaluateEvery: {} }, 'evaluateEvery: expected { epochs: N } or { steps: N }, or "end", got {}'],
    ["two intervals", { checkpointEvery: { epochs: 1, seconds: 2 } }, '{ seconds: N }, or "end", got {"epochs":1,"seconds":2}'],
    ["an interval of 0", { checkpointEvery: { seconds: 0 } }, "checkpointEvery.seconds: expected a number above 0, got 0"],
    [
      "seconds between evaluations",
      { evaluateEvery: { seconds: 1 } },
      "evaluateEvery.seconds: unknown field; there are epochs, steps",
    ],
    [
      "a microbatch that does not fit",
      { batchSize: 100, microbatchSize: 32 },
      "batchSize 100 does not divide into microbatches of 32; use 96 or 128",
    ],
    [
      "a microbatch larger than the batch",
      { batchSize: 16, microbatchSize: 32 },
      "batchSize 16 does not divide into microbatches of 32; use 32",
    ],
    ["a microbatch size of 0", { microbatchSize: 0 }, "microbatchSize: expected a whole number from 1 to 65536, got 0"],
    ["a misspelled field", { batchsize: 5 }, "batchsize: unknown field; did you mean batchSize?"],
    [
      "a misspelled nested field",
      { optimizer: { ...adam({ learningRate: 1 }), learning_rate: 1 } },
      "optimizer.learning_rate: unknown field; did you mean learningRate?",
    ],
    [
      "a field of another optimizer",
      { optimizer: { ...sgd({ learningRate: 1 }), beta1: 1 } },
      "optimizer.beta1: unknown field; there are learningRate, momentum",
    ],
    ["a field of the optimizer", { learningRate: 0.1 }, "learningRate: unknown field; did you mean optimizer.learningRate?"],
    ["an unknown field", { compression: true }, "compression: unknown field; there are data, optimizer, batchSize"],
    [
      "a misspelled field of data",
      { data: { ...csv({ path: "p", label: 0 }), normalize: "none" } },
      "data.normalize: unknown field; did you mean normalise?",
    ],
  ])("complains about %s", (_, changes, expected) => {
    expect(complaint(changes)).toContain(expected);
  });

  it("complains about everything at once", () => {
    const { message, remedy } = failure(() =>
      checkRun({ ...run, batchSize: "x", epochs: undefined, lose: 1, loss: undefined, microbatchSize: 0 }),
    );
    expect(message.split("\n")).toEqual([
      "There are 5 problems:",
      '  batchSize: expected a whole number from 1 to 16777216, got "x"',
      "  loss: expected a loss such as crossEntropy(), but it is missing",
      "  microbatchSize: expected a whole number from 1 to 65536, got 0",
      "  lose: unknown field; did you mean loss?",
      "  epochs: expected epochs or steps, but both are missing",
    ]);
    expect(remedy).toBe("Correct them in the run file, or in --set.");
  });

  it("complains about what is no run at all", () => {
    for (const [value, shown] of [
      [undefined, "but it is missing"],
      [null, "got null"],
      [defineRun, "got the function defineRun"],
      [[], "got []"],
    ] as const) {
      expect(failure(() => checkRun(value)).message).toBe(`The default export: expected defineRun({ … }), ${shown}`);
    }
  });
});

describe("defineRun", () => {
  it("is typed, so that an editor sees mistakes", () => {
    expect(defineRun(run)).toBe(run);
    // @ts-expect-error -- a field that does not exist
    defineRun({ ...run, batchsize: 5 });
    // @ts-expect-error -- a function of the wrong kind
    defineRun({ ...run, loss: accuracy() });
    // @ts-expect-error -- parentheses forgotten
    defineRun({ ...run, model: relu });
    // @ts-expect-error -- an interval that evaluation does not have
    defineRun({ ...run, evaluateEvery: { seconds: 5 } });
  });
});

describe("defaultMicrobatchSize", () => {
  it.each([
    [256, 32],
    [1024, 128],
    [100, 10],
    [64, 8],
    [16, 8],
    [8, 8],
    [7, 7],
    [1, 1],
    [97, 97],
    [194, 97],
    [2 ** 20, 2 ** 16],
  ])("cuts a batch of %i into microbatches of %i", (batchSize, expected) => {
    expect(defaultMicrobatchSize(batchSize)).toBe(expected);
  });

  it("always divides the batch", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 5000 }), (batchSize) => batchSize % defaultMicrobatchSize(batchSize) === 0));
  });
});

describe("applyOverrides", () => {
  const changed = (...overrides: string[]) => checkRun(applyOverrides(run, overrides));

  it("changes fields, nested ones too, and leaves the original alone", () => {
    const settings = changed(
      "batchSize=128",
      "optimizer.learningRate=0.01",
      "seed = 5",
      "data.normalise=standard",
      "evaluateEvery.steps=7",
    );
    expect(settings).toMatchObject({ batchSize: 128, seed: 5, data: { normalise: "standard" }, evaluateEvery: { steps: 7 } });
    expect(settings.optimizer.learningRate).toBe(0.01);
    expect(run).toMatchObject({ batchSize: 256, optimizer: { learningRate: 1e-3 }, data: { kind: "idx" } });
    expect(run).not.toHaveProperty("seed");
  });

  it("takes JSON, and text where it is none", () => {
    expect(changed('optimizer={"kind":"sgd","learningRate":0.1,"momentum":0.9}').optimizer).toMatchObject({
      kind: "sgd",
      momentum: 0.9,
    });
    expect(changed('evaluateEvery="end"', "checkpointEvery=end")).toMatchObject({ evaluateEvery: "end", checkpointEvery: "end" });
    expect(changed("initialise=runs/a=b/model.safetensors").initialise).toBe("runs/a=b/model.safetensors");
  });

  it("replaces epochs by steps and steps by epochs", () => {
    expect(changed("steps=200").duration).toEqual({ steps: 200 });
    expect(changed("steps=200", "epochs=2").duration).toEqual({ epochs: 2 });
  });

  it("leaves the check of values to checkRun", () => {
    expect(failure(() => changed("batchSize=many")).message).toBe(
      'batchSize: expected a whole number from 1 to 16777216, got "many"',
    );
  });

  it.each([
    ["batchSize", "--set batchSize: expected PATH=VALUE", "Write, for example, --set batchSize=256"],
    ["=5", "--set =5: expected PATH=VALUE", "Write"],
    ["optimizer..x=5", "expected PATH=VALUE", "Write"],
    ["batchSiz=5", "batchSiz: unknown field; did you mean batchSize?", "There are: data, optimizer, batchSize, seed"],
    ["compression=true", "compression: unknown field; there are data, optimizer", "There are: data,"],
    ["optimizer.rate=5", "optimizer.rate: unknown field; there are learningRate", "There are: optimizer.learningRate, "],
    [
      "optimizer.momentum=0.9",
      "optimizer.momentum: unknown field; there are learningRate, beta1",
      "There are: optimizer.learningRate, ",
    ],
    ["batchSize.x=5", "batchSize is 256 and has no fields", "Set batchSize itself."],
    ["model.units=5", "model is made by sequential(…), which only the run file can call", "Change it in the run file."],
    ["loss=mse", "loss is made by a function such as crossEntropy()", "Change it in the run file."],
    ["__proto__.x=5", "__proto__: unknown field", "There are: data"],
    ["optimizer.__proto__=5", "optimizer.__proto__: unknown field", "There are: optimizer.learningRate"],
  ])("refuses %s", (override, message, remedy) => {
    const found = failure(() => applyOverrides(run, [override]));
    expect(found.code).toBe("OPTION_INVALID");
    expect(found.message).toContain(message);
    expect(found.remedy).toContain(remedy);
  });

  it("refuses a run file that is no object", () => {
    expect(failure(() => applyOverrides(5, ["seed=1"])).message).toContain("the run file's default export is 5 and has no fields");
  });
});

describe("resolveRun", () => {
  const resolved = resolveRun(checkRun({ ...run, metrics: [accuracy(), meanSquaredError()] }), digits);

  it("describes the run as plain data that survives JSON, the graph included", () => {
    const restored = restoreRun(JSON.parse(JSON.stringify(resolved.description)));
    expect(restored.graph).toEqual(resolved.graph);
    expect(restored.description).toEqual(resolved.description);
    expect(resolved.description).toMatchObject({
      version: 1,
      loss: "crossEntropy",
      metrics: ["accuracy", "meanSquaredError"],
      batchSize: 256,
      microbatchSize: 32,
      duration: { epochs: 3 },
      data: run.data,
    });
  });

  it("takes the loss's metrics where none are named", () => {
    expect(resolveRun(checkRun(run), digits).description.metrics).toEqual(["accuracy"]);
  });

  it("lets the model speak where it does not fit the data", () => {
    const many: DataShape = { ...digits, labels: { kind: "classes", count: 12 } };
    expect(failure(() => resolveRun(checkRun(run), many)).message).toContain("but there are 12 classes");
  });

  it("refuses to restore what is no description, or of another version", () => {
    const whole: unknown = JSON.parse(JSON.stringify(resolved.description));
    for (const wrong of [undefined, {}, { ...(whole as object), version: 2 }, { ...(whole as object), extra: 1 }]) {
      expect(failure(() => restoreRun(wrong)).code).toBe("CHECKPOINT_INVALID");
    }
    expect(failure(() => restoreRun({ ...(whole as object), graph: { version: 1 } })).code).toBe("GRAPH_INVALID");
    expect(failure(() => restoreRun({ ...(whole as object), graph: undefined })).code).toBe("GRAPH_INVALID");
  });
});
