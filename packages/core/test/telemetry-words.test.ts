// What is said of evaluations and classes: numbers as people read them.
import { describe, expect, it } from "vitest";
import { classRecords, metricText, sentence, standingText } from "../src/telemetry/index.ts";

describe("numbers", () => {
  it("are percentages where the metric is a share, whatever its name", () => {
    expect([metricText(0.94, "share"), metricText(0.94, undefined), metricText(1.2e-7, undefined)]).toEqual([
      "94.00 %",
      "0.9400",
      "1.2e-7",
    ]);
  });
});

describe("evaluations that got no better", () => {
  const stagnation = { metric: "f1", form: "share", best: 0.93751, since: 940, evaluations: 2 } as const;

  it("are counted up to what the run has patience for", () => {
    expect(standingText({ ...stagnation, patience: 5 })).toBe(
      "best f1 93.75 % at step 940, 2 of 5 evaluations without a better one",
    );
    expect(standingText({ metric: "loss", best: 0.25, since: 3, evaluations: 0, patience: 1 })).toBe("the best loss so far");
    expect(standingText({ metric: "loss", best: null, since: 0, evaluations: 1, patience: 3 })).toBe(
      "no loss yet that is a number, 1 of 3 evaluations without a better one",
    );
  });

  it("are given as the reason for what follows", () => {
    expect(sentence({ kind: "stoppedEarly", ...stagnation })).toBe(
      "The run ends early, since the f1 on held-out samples got no better than 93.75 %, of step 940, in 2 evaluations.",
    );
  });
});

describe("classRecords", () => {
  it("counts each class, and finds what it is taken for", () => {
    const [a, b, c] = classRecords([
      [8, 2, 0],
      [0, 5, 0],
      [0, 0, 0],
    ]);
    expect(a).toEqual({ index: 0, there: 10, said: 8, right: 8, recall: 0.8, precision: 1, rival: { index: 1, count: 2 } });
    expect(b).toEqual({ index: 1, there: 5, said: 7, right: 5, recall: 1, precision: 5 / 7 });
    expect(c).toEqual({ index: 2, there: 0, said: 0, right: 0, recall: NaN, precision: NaN });
  });
});
