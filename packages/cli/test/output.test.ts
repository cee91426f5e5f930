// What a person and a script see of a run: the same events, shown in two ways.
import type { TelemetryEvent } from "@tabgrad/core";
import type { DataProgress } from "@tabgrad/data";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { count, decimal, duration, metrics, percent } from "../src/output/format.ts";
import { toJsonLine } from "../src/output/json-lines.ts";
import { Progress } from "../src/output/progress.ts";
import { summary } from "../src/output/report.ts";
import { Reading } from "../src/output/reading.ts";
import { tablesText } from "../src/output/tables.ts";

const start: TelemetryEvent = {
  event: "start",
  name: "run",
  lossName: "crossEntropy",
  optimizerName: "adam",
  metricNames: ["accuracy"],
  metricForms: { accuracy: "share" },
  layers: [],
  runId: "run",
  url: "http://127.0.0.1:7070",
  steps: 6,
  stepsPerEpoch: 4,
  step: 0,
  batchSize: 100,
  microbatchSize: 25,
  parameters: 1000,
  trainSamples: 400,
  evaluationSamples: 50,
  seed: 1,
};

const timings = { waitMs: 0, fetchMs: 0, computeMs: 1, uploadMs: 0 };
const step = (number: number, loss: number, samples = 100): TelemetryEvent => ({
  event: "step",
  step: number,
  epoch: number <= 4 ? 1 : 2,
  loss,
  metrics: { accuracy: 0.5 },
  samples,
  samplesPerSecond: 100,
  workers: 2,
  gradientNorm: 1,
  learningRate: 1e-3,
  shares: [
    { id: "w1", name: "ann", samples: 75, microbatches: [[0, 3]], timings, endedAt: 0 },
    { id: "w2", name: "bob", samples: samples - 75, microbatches: [[3, 1]], timings, endedAt: 0 },
  ],
});
const evaluation: TelemetryEvent = { event: "eval", step: 4, epoch: 1, loss: 0.25, metrics: { accuracy: 0.875 }, samples: 50 };

const terminal = (isTTY: boolean) =>
  Object.assign(new PassThrough(), {
    isTTY,
    columns: 160,
    rows: 40,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });

const shown = (...args: Parameters<typeof drawn>): string => stripVTControlCharacters(drawn(...args));

function drawn(events: readonly TelemetryEvent[], { isTTY = false, now = (): number => 0 } = {}): string {
  const stream = terminal(isTTY);
  const progress = new Progress({ stream: stream as unknown as NodeJS.WriteStream, now });
  for (const event of events) progress.show(event);
  progress.show({ event: "done" } as TelemetryEvent);
  return (stream.read() as Buffer | null)?.toString() ?? "";
}

describe("JSON lines", () => {
  it("put metrics beside the loss", () => {
    expect(JSON.parse(toJsonLine(evaluation))).toEqual({
      event: "eval",
      step: 4,
      epoch: 1,
      loss: 0.25,
      accuracy: 0.875,
      samples: 50,
    });
  });

  it("are one line each", () => expect(toJsonLine(step(1, 2))).not.toContain("\n"));
});

describe("progress", () => {
  it("ends an epoch with its means, not with its last step", () => {
    const text = shown([start, step(1, 4), step(2, 2), step(3, 2), step(4, 0, 300), evaluation]);
    expect(text).toContain("epoch 1/2  loss 1.333  accuracy 50.00 %  100 samples/s  ann 50 %, bob 50 %\n");
    expect(text).toContain("held out: loss 0.2500  accuracy 87.50 %  (50 samples)\n");
  });

  it("says now and then where it is, if there is no terminal", () => {
    let time = 0;
    const text = shown([start, step(1, 4), step(2, 2), step(3, 2)], { now: () => (time += 6_000) });
    expect(text).toContain("step 2 of 6");
    expect(text).toMatch(/0:0\d left/);
  });

  it("counts the last epoch of a run of steps as what it is", () => {
    const text = shown([start, ...[1, 2, 3, 4].map((number) => step(number, 1)), step(5, 1), step(6, 1)]);
    expect(text).toContain("epoch 2/2  loss 1.000");
  });

  it("says where in the epoch it was evaluated, and goes on with the bar", () => {
    const events = [start, step(1, 1), step(2, 1), { ...evaluation, step: 2 }, step(3, 1)];
    expect(shown(events)).toContain("epoch 1/2  step 2  loss 1.000");
    // A bar takes the cursor away, and gives it back.
    expect(drawn(events, { isTTY: true }).split("\u001B[?25l")).toHaveLength(3);
  });

  it("draws a bar on a terminal", () => {
    const text = shown([start, step(1, 1), step(2, 1), step(3, 1), step(4, 1)], { isTTY: true });
    expect(text).toContain("epoch 1/2");
  });
});

describe("what a run is to be looked at for", () => {
  const tuned = (number: number, clipped: number): TelemetryEvent => ({
    ...(step(number, 1) as Extract<TelemetryEvent, { event: "step" }>),
    ...{ clipped, learningRate: 0.0005, baseLearningRate: 0.001, lossScale: 32_768 },
  });

  it("is said once an epoch: the scheduled rate, how often the gradient was clipped, the loss scale", () => {
    const text = shown([start, tuned(1, 0.2), tuned(2, 0), tuned(3, 0.1), tuned(4, 0.1)]);
    expect(text).toContain("  learning rate 0.0005  clipped in 3 of 4 steps  loss scale 32,768\n");
  });

  it("is how far it is from its early end", () => {
    const stopEarly = { metric: "accuracy", form: "share", best: 0.9, since: 2, evaluations: 1, patience: 3 } as const;
    expect(shown([start, { ...evaluation, stopEarly }])).toContain(
      "(50 samples)  best accuracy 90.00 % at step 2, 1 of 3 evaluations without a better one\n",
    );
  });
});

describe("tables at the end", () => {
  const irises = [
    [15, 0, 0],
    [0, 11, 4],
    [0, 1, 14],
  ];
  const classNames = ["setosa", "versicolor", "virginica"];
  const metricForms = { confusionMatrix: "confusion" } as const;
  const text = (width?: number): string =>
    stripVTControlCharacters(tablesText({ confusionMatrix: irises }, { metricForms, classNames }, width));

  it("have a row for each true class, with recall and precision at the edges", () => {
    expect(text()).toBe(
      [
        "",
        "confusionMatrix  rows are true classes, columns predicted ones",
        "             setosa  versicolor  virginica   recall",
        "setosa           15           0          0  100.0 %",
        "versicolor        0          11          4   73.3 %",
        "virginica         0           1         14   93.3 %",
        "precision   100.0 %      91.7 %     77.8 %",
      ].join("\n"),
    );
  });

  it("name columns by index where names have no room", () => {
    expect(text(46)).toContain("\n1 versicolor        0      11       4   73.3 %\n");
    expect(text(46)).toMatch(/\n +0 +1 +2 +recall\n/);
  });

  it("are a list of classes where a matrix has no room, the worst first", () => {
    const many = Array.from({ length: 30 }, (_, i) => Array.from({ length: 30 }, (_, j) => (i === j ? 100 - i : j === 0 ? i : 0)));
    const list = stripVTControlCharacters(tablesText({ confusionMatrix: many }, { metricForms }, 80)).split("\n");
    expect(list[1]).toBe("confusionMatrix  the 20 worst of 30 classes, by recall");
    expect(list.slice(2, 4)).toEqual([
      "class  samples  recall  precision  most often taken for",
      "29         100  71.0 %    100.0 %  0 (29)",
    ]);
    expect(list).toHaveLength(23);
    expect(
      Math.max(
        ...text(40)
          .split("\n")
          .slice(2)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(40);
  });

  it("have a line for each class, where metrics are of classes, and a column for each of these", () => {
    const forms = { classF1: "classShares", classRecall: "classShares" } as const;
    const lists = { classF1: [0.5, 1, 0], own: [1.5, 2], classRecall: [1 / 3, 1, 0] };
    const say = (classNames?: string[]) =>
      stripVTControlCharacters(tablesText(lists, { metricForms: forms, classNames }, 80)).split("\n");
    expect(say(["cat", "dog", "emu"])).toEqual([
      ...["", "own  1 × 2", "0  1.500  2.000", "", "by class"],
      ...[
        "class  classF1  classRecall",
        "cat     50.0 %       33.3 %",
        "dog    100.0 %      100.0 %",
        "emu      0.0 %        0.0 %",
      ],
    ]);
    expect(say()[6]).toBe("0       50.0 %       33.3 %");
  });

  it("of other metrics are numbers, as many as there is room for", () => {
    const rows = Array.from({ length: 25 }, (_, i) => [i, 0.5]);
    const lines = stripVTControlCharacters(tablesText({ own: rows }, {}, 80)).split("\n");
    expect(lines.slice(1, 3)).toEqual(["own  25 × 2", "0   0.000  0.5000"]);
    expect(lines.at(-1)).toBe("and 5 more rows");
  });
});

describe("the end of a run", () => {
  const done = {
    ...({ event: "done", outcome: "stopped", why: "stopped by Ctrl-C", loss: 0.25, metrics: { accuracy: 0.875 } } as const),
    ...{ step: 4, checkpoint: null, parametersSha256: "", seconds: 7, samples: 400, samplesPerSecond: 57 },
  };
  const context = { start: start };
  const evaluated = evaluation;
  const said = (...args: Parameters<typeof summary>): string => stripVTControlCharacters(summary(...args));

  it("says what its numbers were measured on", () => {
    expect(said(done, { ...context, evaluation: evaluated })).toBe(
      "\nstopped after 4 steps, 400 samples in 0:07 (57 samples/s): stopped by Ctrl-C\naccuracy 87.50 %  loss 0.2500  on 50 held-out samples\n",
    );
    expect(said({ ...done, step: 5 }, { ...context, evaluation: evaluated })).toContain("loss 0.2500  of the last step's batch\n");
    expect(said(done, context)).toContain("of the last step's batch");
  });
});

describe("numbers", () => {
  it.each([
    [count(48_120.4), "48,120"],
    [percent(0.97854), "97.85 %"],
    [duration(7), "0:07"],
    [duration(750), "12:30"],
    [duration(3_725), "1:02:05"],
    [duration(Infinity), "–"],
    [decimal(0.21341), "0.2134"],
    [decimal(1.23e-7), "1.2e-7"],
    [decimal(0), "0.000"],
    [metrics({ f1: 0.5, meanAbsoluteError: 0.25 }, { f1: "share" }), "f1 50.00 %  meanAbsoluteError 0.2500"],
  ])("%s", (found, expected) => expect(found).toBe(expected));
});

describe("Reading", () => {
  const read = (done: number): DataProgress => ({ activity: "read", done, total: 2000, unit: "samples" });
  const fetched = (done: number, total?: number): DataProgress => ({
    activity: "fetch",
    address: "http://a/b",
    done,
    total,
    unit: "bytes",
  });

  /** What is said of events that come at the given milliseconds. */
  function told(
    isTTY: boolean,
    events: readonly (readonly [at: number, progress: DataProgress])[],
  ): { lines: string[]; drawn: string } {
    let now = 0;
    const lines: string[] = [];
    const stream = terminal(isTTY);
    const reading = new Reading({
      stream,
      now: () => now,
      say: (line) => void lines.push(line),
    });
    for (const [at, progress] of events) {
      now = at;
      reading.show(progress);
    }
    reading.end();
    return { lines, drawn: stripVTControlCharacters((stream.read() as Buffer | null)?.toString() ?? "") };
  }

  it("says nothing of what is done at once", () => {
    for (const isTTY of [false, true]) {
      expect(
        told(isTTY, [
          [20_000, read(1)],
          [20_400, read(2000)],
          [20_450, fetched(1)],
          [20_900, fetched(2)],
        ]),
      ).toEqual({
        lines: [],
        drawn: "",
      });
    }
  });

  it("says a line now and then where there is no terminal", () => {
    const { lines, drawn } = told(false, [
      [20_000, read(1)],
      [20_600, read(500)],
      [25_000, read(900)],
      [31_000, read(1500)],
      [41_000, fetched(1_500_000)],
      [51_500, fetched(3_000_000, 12_000_000)],
    ]);
    expect(drawn).toBe("");
    expect(lines).toEqual([
      "reading: 500 of 2,000 samples",
      "reading: 1,500 of 2,000 samples",
      expect.stringMatching(/^fetching: 3\.00 MB of 12\.0 MB {2}http:\/\/a\/b$/),
    ]);
  });

  it("says at once why nothing comes", () => {
    const waiting = { ...fetched(1_500_000), note: "the server answered 503; trying again in 4 s" };
    const expected = "1.50 MB  http://a/b: the server answered 503; trying again in 4 s";
    expect(told(false, [[0, waiting]]).lines).toEqual([`fetching: ${expected}`]);
    expect(told(true, [[0, waiting]]).drawn).toContain(expected);
  });

  it("draws a bar on a terminal", () => {
    const { lines, drawn } = told(true, [
      [0, read(1)],
      [600, read(500)],
      [700, read(1500)],
      [800, fetched(1)],
      [1500, fetched(2_000_000)],
    ]);
    expect(lines).toEqual([]);
    expect(drawn).toMatch(/reading ■* +\d+ % {2}[\d,]+ of 2,000 samples/);
    expect(drawn).toMatch(/fetching [\d.]+ MB {2}http:\/\/a\/b/);
  });
});
