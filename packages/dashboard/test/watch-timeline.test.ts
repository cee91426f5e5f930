// Where the timeline's segments lie, who was late, and what is found under a pointer.
import { describe, expect, it } from "vitest";
import type { TimedStep, WorkerShare } from "@tabgrad/core";
import { timeToX, xToTime } from "../src/watch/timeline/draw.ts";
import { barAt, layTimeline } from "../src/watch/timeline/layout.ts";
import { stepEvent } from "./watch-events.ts";

type Timings = WorkerShare["timings"];

const share = (id: string, endedAt: number, timings: Partial<Timings> = {}): WorkerShare =>
  ({
    id,
    name: `name of ${id}`,
    samples: 32,
    endedAt,
    timings: { waitMs: 10, fetchMs: 5, computeMs: 50, uploadMs: 8, ...timings },
  }) as WorkerShare;

const step = (number: number, time: number, ...shares: readonly WorkerShare[]): TimedStep =>
  ({ ...stepEvent(number, { shares }), time }) as TimedStep;

const workers = [
  { id: "w1", name: "one" },
  { id: "w2", name: "two" },
];

describe("layTimeline", () => {
  it("lays a contribution backwards from when it was there, with the upload that the next one reports", () => {
    const timeline = layTimeline(
      [step(1, 1000, share("w1", 990, { uploadMs: 0 })), step(2, 1100, share("w1", 1090, { uploadMs: 20 }))],
      workers,
    )!;
    const [first, second] = timeline.lanes[0].bars;
    expect(first.spans).toEqual({ wait: [905, 915], fetch: [915, 920], compute: [920, 970], upload: [970, 990] });
    expect(first).toMatchObject({ uploadMs: 20, estimated: false });
    // Nobody knows yet how long the newest one took: the one before stands in, and that is said.
    expect(second).toMatchObject({ uploadMs: 20, estimated: true, spans: { upload: [1070, 1090] } });
  });

  it("keeps a lane for who has done nothing, and for who has left", () => {
    const { lanes } = layTimeline([step(1, 1000, share("w9", 990), share("w3", 995))], workers)!;
    expect(lanes.map(({ worker, bars }) => [worker, bars.length])).toEqual([
      ["w1", 0],
      ["w2", 0],
      ["w3", 1],
      ["w9", 1],
    ]);
  });

  it("lays several contributions of one worker to a step in the order of their ends", () => {
    const { lanes } = layTimeline([step(1, 1000, share("w1", 990), share("w1", 900, { uploadMs: 3 }))], workers)!;
    expect(lanes[0].bars.map(({ endedAt }) => endedAt)).toEqual([900, 990]);
    expect(lanes[0].bars[0].uploadMs).toBe(8);
  });

  it("marks who was last, by how much, and nobody where one worked alone", () => {
    const together = layTimeline([step(1, 1000, share("w1", 960), share("w2", 990))], workers)!;
    expect(together.lanes.map(({ bars }) => bars[0].lateMs)).toEqual([0, 30]);
    const alone = layTimeline([step(1, 1000, share("w1", 960), share("w1", 990))], workers)!;
    expect(alone.lanes[0].bars.map(({ lateMs }) => lateMs)).toEqual([0, 0]);
    const twice = layTimeline([step(1, 1000, share("w1", 960), share("w2", 980), share("w2", 990))], workers)!;
    expect(twice.lanes[1].bars.map(({ lateMs }) => lateMs)).toEqual([0, 30]);
  });

  it("shows from the end of the oldest step to the newest end, and is nothing without steps", () => {
    const timeline = layTimeline([step(1, 1000, share("w1", 990)), step(2, 1100, share("w1", 1105))], workers)!;
    expect([timeline.from, timeline.to]).toEqual([1000, 1105]);
    expect(timeline.boundaries).toEqual([
      { step: 1, time: 1000 },
      { step: 2, time: 1100 },
    ]);
    expect(layTimeline([], workers)).toBeUndefined();
    expect(layTimeline([step(1, 1000, share("w1", 990))], workers)).toMatchObject({ from: 927, to: 1000 });
  });
});

describe("a pointer", () => {
  const timeline = layTimeline(
    [step(1, 1000, share("w1", 990)), step(2, 1100, share("w1", 1090, { waitMs: 40, uploadMs: 30 }))],
    workers,
  )!;
  const stepAt = (time: number) => barAt(timeline.lanes[0], time)?.step;

  it("finds the contribution under it, and where an upload covers a wait, the upload", () => {
    expect([stepAt(930), stepAt(985), stepAt(1080)]).toEqual([1, 1, 2]);
    expect(stepAt(995)).toBe(2);
    expect(stepAt(2000)).toBeUndefined();
  });

  it("goes from time to place and back", () => {
    expect(xToTime(timeline, 400, timeToX(timeline, 400, 1033))).toBeCloseTo(1033, 6);
  });
});
