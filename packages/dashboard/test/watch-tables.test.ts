// Tables of an evaluation, and what a run does to its rate, its gradient and its end: what is said of them.
import type { WatchedEvent } from "@tabgrad/core";
import { describe, expect, it } from "vitest";
import { standingFacts } from "../src/watch/curves/standing.ts";
import { cellDetail, cellWords, classNaming, confusionCells, shareText } from "../src/watch/tables/confusion-cells.ts";
import { evaluationEvent, running, startEvent, stepEvent, steps, viewOf } from "./watch-events.ts";

describe("a confusion matrix", () => {
  const cells = confusionCells([
    [1500, 500],
    [0, 0],
  ]);

  it("is counts, and their shares of each row", () => {
    expect(cells[0]).toEqual([
      { truth: 0, predicted: 0, count: 1500, share: 0.75 },
      { truth: 0, predicted: 1, count: 500, share: 0.25 },
    ]);
    expect(cells[1][1].share).toBe(0);
  });

  it("is read out cell by cell", () => {
    expect(cellWords(cells[0][1], classNaming(["cat", "dog"], 2))).toBe("true cat, predicted dog: 500, 25.0 % of the true cat");
  });

  it("names classes by index where there is not one name for each, and shows blanks", () => {
    expect(classNaming(["a"], 2)(1)).toBe("1");
    expect(classNaming(undefined, 2)(0)).toBe("0");
    expect(classNaming([" ", "\n"], 2)(1)).toBe('"\\n"');
  });

  it("shows less of each cell the more there are", () => {
    expect([2, 10, 12, 13, 30, 31, 64].map(cellDetail)).toEqual([
      "shares",
      "shares",
      "shares",
      "counts",
      "counts",
      "colours",
      "colours",
    ]);
  });

  it("tells few from none, and all from nearly all", () => {
    expect([0, 0.001, 0.9996, 1, NaN].map(shareText)).toEqual(["0 %", "0.1 %", "100.0 %", "100 %", "–"]);
  });
});

describe("standingFacts", () => {
  const facts = (...events: readonly WatchedEvent[]) => standingFacts(viewOf(startEvent, running, ...events));

  it("are none in a run that does nothing of the kind", () => expect(facts(...steps(3), evaluationEvent(3))).toEqual([]));

  it("are the scheduled rate, how often the gradient was clipped, the loss scale", () => {
    const step = (number: number, clipped: number) =>
      stepEvent(number, { clipped, learningRate: 0.0005, baseLearningRate: 0.001, lossScale: 32_768 });
    expect(facts(step(1, 0.5), step(2, 0), step(3, 0.1)).map(({ id, value, note }) => [id, value, note])).toEqual([
      ["rate", "0.0005", "schedule of 0.001"],
      ["clipped", "in 2 of 3", "steps of the run"],
      ["loss-scale", "32,768", "against underflow in f16"],
    ]);
  });

  it("count clipped gradients of the whole run, and after a restart of what came since", () => {
    const clipped = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => stepEvent(from + i, { clipped: (from + i) % 4 === 0 ? 0.5 : 0 }));
    const said = (...events: readonly WatchedEvent[]) => facts(...events).map(({ value, note }) => `${value} ${note}`);
    expect(said(...clipped(1, 2000))).toEqual(["in 500 of 2,000 steps of the run"]);
    expect(said(...clipped(1, 2000), { ...startEvent, step: 1200 }, running, ...clipped(1201, 1301))).toEqual([
      "in 25 of 101 steps since step 1,200",
    ]);
  });

  it("are how far the run is from what it does without a better evaluation", () => {
    const stopEarly = { metric: "accuracy", form: "share", best: 0.9785, since: 40, evaluations: 2, patience: 5 } as const;
    const plateau = { metric: "loss", best: null, since: 0, evaluations: 1, patience: 3 } as const;
    expect(facts({ ...evaluationEvent(60), stopEarly, plateau } as ReturnType<typeof evaluationEvent>)).toEqual([
      {
        id: "stop-early",
        name: "Best accuracy",
        value: "97.85 %",
        note: "at step 40; 2 evaluations without a better one, of 5 that end the run",
      },
      {
        id: "plateau",
        name: "Best loss",
        value: "–",
        note: "1 evaluation without a better one, of 3 that lower the learning rate",
      },
    ]);
  });
});
