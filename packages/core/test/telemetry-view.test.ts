// The fold that coordinator and pages share: what it makes of events, what it forgets, and that a page which comes late sees the same.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  follow,
  followSteps,
  initialView,
  packView,
  Series,
  seriesCapacity,
  unpackView,
  viewBounds,
  type RunView,
  type StepEvent,
  type WatchedEvent,
} from "../src/telemetry/index.ts";

const timings = { waitMs: 1, fetchMs: 0, computeMs: 8, uploadMs: 2 };

const start: WatchedEvent = {
  event: "start",
  runId: "run-1",
  name: "mlp",
  url: "http://127.0.0.1:7070",
  steps: 100,
  stepsPerEpoch: 50,
  step: 0,
  batchSize: 64,
  microbatchSize: 8,
  parameters: 10,
  trainSamples: 3200,
  evaluationSamples: 0,
  seed: 1,
  lossName: "crossEntropy",
  optimizerName: "sgd",
  metricNames: ["accuracy"],
  layers: [{ layer: "features", shape: [4], parameters: 0 }],
};

const step = (number: number, shares: Readonly<Record<string, number>> = { w1: 64 }, loss = 1 / number): WatchedEvent => ({
  event: "step",
  step: number,
  epoch: 1,
  loss,
  metrics: {},
  samples: Object.values(shares).reduce((a, b) => a + b, 0),
  samplesPerSecond: 640,
  workers: 1,
  gradientNorm: 2,
  learningRate: 0.1,
  shares: Object.entries(shares).map(([id, samples]) => ({ id, name: id, samples, microbatches: [], timings, endedAt: 0 })),
});

const joined = (id: string): WatchedEvent => ({
  event: "worker",
  id,
  name: `name of ${id}`,
  host: "tab",
  engine: "gpu",
  device: "a GPU",
  state: "joined",
  workers: 1,
});

const leaving = (id: string): WatchedEvent => ({ ...joined(id), state: "left", why: "it said goodbye" }) as WatchedEvent;

/** Events a tenth of a second apart. */
const viewOf = (events: readonly WatchedEvent[], from: RunView = initialView(), since = 0): RunView =>
  events.reduce((view, event, i) => follow(view, since + 100 * i, event), from);

describe("follow", () => {
  it("keeps fewer steps where parts were cut into many pieces, but two", () => {
    const pieces = (count: number, at: number): WatchedEvent => {
      const { shares, ...rest } = step(at, { w1: count }) as Extract<WatchedEvent, { event: "step" }>;
      return { ...rest, shares: Array.from({ length: count }, () => ({ ...shares[0], samples: 1 })) };
    };
    const stepsOf = (count: number): number =>
      viewOf([start, joined("w1"), ...Array.from({ length: 40 }, (_, i) => pieces(count, i + 1))]).timeline.length;
    expect(stepsOf(64)).toBe(32);
    expect(stepsOf(65)).toBe(31);
    expect(stepsOf(2_000)).toBe(2);
  });

  it("tells a worker's share of the newest step, its samples and its speed", () => {
    const { workers } = viewOf([start, joined("w1"), joined("w2"), step(1, { w1: 48, w2: 16 }), step(2, { w1: 32, w2: 32 })]);
    expect(workers.get("w1")).toMatchObject({ name: "name of w1", samples: 80, share: 0.5, samplesPerSecond: 320 });
    expect(workers.get("w2")).toMatchObject({ samples: 48, share: 0.5, samplesPerSecond: 320 });
  });

  it("counts all contributions of a worker to a step", () => {
    const event = step(1, { w1: 48 }) as Extract<WatchedEvent, { event: "step" }>;
    const twice = { ...event, samples: 96, shares: [...event.shares, ...event.shares] };
    expect(viewOf([start, joined("w1"), twice]).workers.get("w1")).toMatchObject({ samples: 96, share: 1 });
  });

  it("keeps who left, and why, with what they did", () => {
    const view = viewOf([start, joined("w1"), step(1), leaving("w1")]);
    expect(view.workers.size).toBe(0);
    expect(view.departed).toMatchObject([{ id: "w1", samples: 64, leftWhy: "it said goodbye", leftAt: 300 }]);
  });

  it("follows what a worker can give", () => {
    const view = viewOf([
      start,
      joined("w1"),
      { event: "availability", id: "w1", name: "name of w1", availability: "background", why: "the tab is hidden" },
    ]);
    expect(view.workers.get("w1")).toMatchObject({ availability: "background", why: "the tab is hidden" });
  });

  it("is in the phase that the last decision or the end led to", () => {
    const decision = (kind: "waiting" | "running" | "paused"): WatchedEvent => ({
      event: "decision",
      step: 0,
      reason:
        kind === "waiting"
          ? { kind, workers: 0, needed: 1 }
          : kind === "running"
            ? { kind, workers: 1, step: 1 }
            : { kind: "paused" },
    });
    expect(viewOf([]).phase).toBe("starting");
    expect(viewOf([start]).phase).toBe("waiting");
    expect(viewOf([start, decision("running")]).phase).toBe("running");
    expect(viewOf([start, decision("running"), decision("paused")]).phase).toBe("paused");
    expect(viewOf([start, decision("running"), decision("waiting")]).phase).toBe("waiting");
    const done: WatchedEvent = {
      event: "done",
      outcome: "finished",
      step: 100,
      loss: 0.1,
      metrics: {},
      checkpoint: null,
      parametersSha256: "",
      seconds: 1,
      samples: 1,
      samplesPerSecond: 1,
    };
    expect(viewOf([start, decision("running"), done]).phase).toBe("finished");
  });

  it("forgets what came after the checkpoint that a run goes on from, and keeps what came before", () => {
    const evaluation = (number: number): WatchedEvent => ({
      event: "eval",
      step: number,
      epoch: 1,
      loss: 1,
      metrics: {},
      samples: 8,
    });
    const saved = (number: number): WatchedEvent => ({ event: "checkpoint", step: number, path: "", bytes: 1, milliseconds: 1 });
    const before = [start, joined("w1"), step(1), evaluation(1), step(2), saved(2), step(3), evaluation(3), saved(3)];
    const view = viewOf([...before, { ...start, step: 2, url: "http://127.0.0.1:7071" }]);
    expect(view).toMatchObject({ phase: "waiting", step: 2, epoch: 1, startedAt: 0, start: { url: "http://127.0.0.1:7071" } });
    expect(view.newest?.step).toBe(2);
    expect([...view.series.step.slice(0, view.series.length)]).toEqual([1, 2]);
    expect(view.timeline.map((one) => one.step)).toEqual([1, 2]);
    expect(view.evaluations.map((one) => one.step)).toEqual([1]);
    expect(view.checkpoints.map((one) => one.step)).toEqual([2]);
    expect(view.workers.size).toBe(0);
    expect(view.departed).toMatchObject([{ id: "w1", samples: 192, leftWhy: "the coordinator was started again" }]);
    expect(follow(view, 2000, step(3)).series.length).toBe(3);
  });

  it("begins anew with another run", () => {
    const view = viewOf([start, step(1), { ...start, runId: "run-2", step: 1 }]);
    expect(view).toMatchObject({ step: 1, timeline: [], startedAt: 200 });
    expect(view.series.length).toBe(0);
  });

  it("knows when the first step was begun, whatever comes after", () => {
    const running: WatchedEvent = { event: "decision", step: 0, reason: { kind: "running", workers: 1, step: 1 } };
    const waiting: WatchedEvent = { event: "decision", step: 0, reason: { kind: "waiting", workers: 0, needed: 1 } };
    expect(viewOf([start, waiting]).runningSince).toBeUndefined();
    expect(viewOf([start, waiting, running, waiting, running]).runningSince).toBe(200);
  });

  it("keeps only what it may keep, the newest", () => {
    const steps = Array.from({ length: 5000 }, (_, i) => step(i + 1));
    const evaluations = Array.from({ length: 2000 }, (_, i): WatchedEvent => ({
      event: "eval",
      step: i,
      epoch: 1,
      loss: 0,
      metrics: {},
      samples: 1,
    }));
    const comings = Array.from({ length: 100 }, (_, i) => [joined(`w${i}`), leaving(`w${i}`)]).flat();
    const decisions = Array.from({ length: 1000 }, (_, i): WatchedEvent => ({
      event: "decision",
      step: i,
      reason: { kind: "resumed" },
    }));
    const checkpoints = Array.from({ length: 100 }, (_, i): WatchedEvent => ({
      event: "checkpoint",
      step: i,
      path: "",
      bytes: 1,
      milliseconds: 1,
    }));
    const view = viewOf([start, ...steps, ...evaluations, ...comings, ...decisions, ...checkpoints]);
    expect(view.checkpoints.map(({ step }) => step)).toEqual(
      Array.from({ length: viewBounds.checkpoints }, (_, i) => 100 - viewBounds.checkpoints + i),
    );
    expect(view.series.length).toBeLessThanOrEqual(seriesCapacity);
    expect(view.series.length).toBeGreaterThan(seriesCapacity / 2);
    expect(view.evaluations.length).toBeLessThanOrEqual(viewBounds.evaluations);
    expect(view.evaluations.at(-1)!.step).toBe(1999);
    expect(view.timeline.map((one) => one.step)).toEqual(
      steps.slice(-viewBounds.timeline).map((_, i) => 5001 - viewBounds.timeline + i),
    );
    expect(view.departed.at(-1)!.id).toBe("w99");
    expect(view.departed).toHaveLength(viewBounds.departed);
    expect(view.decisions.at(-1)!.step).toBe(999);
    expect(view.decisions).toHaveLength(viewBounds.decisions);
  });
});

describe("a page that comes late", () => {
  const events = fc.array(
    fc.oneof(
      fc.nat({ max: 3 }).map((i) => joined(`w${i}`)),
      fc.nat({ max: 3 }).map((i) => leaving(`w${i}`)),
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }).map((loss) => step(1, { w1: 8, w2: 8 }, loss)),
    ),
    { maxLength: 60 },
  );

  it("sees what everybody sees", () => {
    fc.assert(
      fc.property(events, events, (before, after) => {
        const late = unpackView(packView(viewOf([start, ...before])));
        const all = viewOf([start, ...before, ...after]);
        expect(viewOf(after, late, 100 * (before.length + 1))).toEqual(all);
      }),
    );
  });

  it("sees what everybody sees of a series that was thinned out, too", () => {
    const steps = Array.from({ length: 3001 }, (_, i) => step(i + 1));
    const late = unpackView(packView(viewOf([start, ...steps.slice(0, 2500)])));
    expect(viewOf(steps.slice(2500), late, 100 * 2501)).toEqual(viewOf([start, ...steps]));
  });
});

describe("Series", () => {
  const point = (number: number, loss: number) => ({
    step: number,
    time: number,
    loss,
    gradientNorm: 0,
    learningRate: 0,
    samplesPerSecond: 0,
  });

  it("is every step until it is full", () => {
    const series = new Series();
    for (let i = 1; i <= seriesCapacity; i++) series.append(point(i, i));
    expect(series).toMatchObject({ length: seriesCapacity, stride: 1 });
    expect([...series.step.slice(0, 3)]).toEqual([1, 2, 3]);
    expect([...series.loss.slice(0, 3)]).toEqual([1, 2, 3]);
  });

  it("forgets whole points, and goes on with whole ones", () => {
    const series = new Series();
    for (let i = 1; i <= 3 * seriesCapacity; i++) series.append(point(i, i));
    expect(series.stride).toBe(4);
    series.forgetAfter(10);
    expect([...series.step.slice(0, series.length)]).toEqual([4, 8]);
    for (const step of [11, 12, 13]) series.append(point(step, step));
    expect(series).toMatchObject({ length: 3, merged: 3 });
    expect([...series.step.slice(0, 4)]).toEqual([4, 8, 13, 0]);
  });

  it("then holds means of ever more steps, in order and ending with the newest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 * seriesCapacity }), (count) => {
        const series = new Series();
        for (let i = 1; i <= count; i++) series.append(point(i, i));
        const { length, stride, merged } = series;
        expect((length - 1) * stride + merged).toBe(count);
        expect(series.step[length - 1]).toBe(count);
        for (let i = 0; i < length; i++) {
          const [first, last] = [i * stride + 1, series.step[i]];
          expect(last).toBe(Math.min((i + 1) * stride, count));
          expect(series.loss[i]).toBeCloseTo((first + last) / 2, 1);
        }
      }),
      { numRuns: 20 },
    );
  });
});

it("is the same however many steps are followed at a time", () => {
  const begun = (): RunView => [start, joined("w1"), joined("w2")].reduce((view, event) => follow(view, 0, event), initialView());
  const shares = fc.record({ w1: fc.integer({ min: 1, max: 900 }), w2: fc.integer({ min: 1, max: 900 }) });
  // So many contributions of one worker, as pieces of its part.
  const steps = fc.array(fc.record({ shares, pieces: fc.constantFrom(1, 1, 1, 40, 700), together: fc.boolean() }), {
    minLength: 1,
    maxLength: 90,
  });
  fc.assert(
    fc.property(steps, (script) => {
      const events = script.map(({ shares, pieces }, i) => {
        const event = step(i + 1, shares) as StepEvent;
        return { time: 7 * i, event: { ...event, shares: Array.from({ length: pieces }, () => event.shares).flat() } };
      });
      const alone = events.reduce((view, { time, event }) => follow(view, time, event), begun());
      let together = begun();
      for (let end = 0, from = 0; end < events.length;) {
        end++;
        if (script[end]?.together) continue;
        together = followSteps(together, events.slice(from, end));
        from = end;
      }
      expect(together).toEqual(alone);
    }),
  );
});
