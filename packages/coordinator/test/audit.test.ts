// The audit as a pure function: a journal that is as it was planned passes, and whatever is wrong with one is found and named.
import { EpochPlan, type StepEvent, type TelemetryEvent } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { audit, type AuditPlan, type CheckpointFinding } from "../src/audit/index.ts";
import type { JournalRecord } from "../src/telemetry/index.ts";

const shards = [10, 10, 7];
const epochs = new EpochPlan({
  seed: 3,
  shards: shards.map((samples) => ({ hash: "", bytes: 0, samples })),
  train: { samples: 20, shards: [0, 1] },
  batchSize: 6,
  microbatchSize: 2,
});
const plan: AuditPlan = {
  runId: "run",
  stepsPerEpoch: epochs.stepsPerEpoch,
  learningRate: 0.1,
  shards,
  samples: 20,
  step: (step) => epochs.step(step),
};

const start = (step = 0, runId = "run"): TelemetryEvent => ({ event: "start", runId, step }) as TelemetryEvent;
const decision = (reason: object, step = 0): TelemetryEvent => ({ event: "decision", step, reason }) as TelemetryEvent;

/** A step as it was planned: one worker does the first microbatch, another one the rest. */
function step(number: number, change: Partial<StepEvent> = {}): StepEvent {
  const { epoch, samples, microbatches } = plan.step(number);
  const sizes = microbatches.map(({ slices }) => slices.reduce((sum, slice) => sum + slice.samples.length, 0));
  const share = (name: string, from: number, to: number) => ({
    id: name,
    name,
    samples: sizes.slice(from, to).reduce((a, b) => a + b, 0),
    microbatches: to > from ? ([[from, to - from]] as [number, number][]) : [],
    timings: { waitMs: 0, fetchMs: 0, computeMs: 1, uploadMs: 0 },
    endedAt: 0,
  });
  return {
    event: "step",
    step: number,
    epoch,
    loss: 1,
    metrics: {},
    samples,
    samplesPerSecond: 1,
    workers: 2,
    gradientNorm: 1,
    learningRate: 0.1,
    shares: [share("ann", 0, 1), share("bob", 1, sizes.length)],
    ...change,
  };
}

const steps = (from: number, to: number): StepEvent[] => Array.from({ length: to - from + 1 }, (_, i) => step(from + i));
const finding = (at: number, change: Partial<CheckpointFinding> = {}): CheckpointFinding => ({
  step: at,
  stated: "aa",
  found: "aa",
  ...change,
});
const records = (events: readonly TelemetryEvent[]): JournalRecord[] => events.map((event, time) => ({ time, event }));
const check = (events: readonly TelemetryEvent[], checkpoint = finding(0), against = plan) =>
  audit(records(events), against, checkpoint);

describe("a journal that is sound", () => {
  it("passes, and says who contributed what", () => {
    const report = check([start(), ...steps(1, 9)], finding(8));
    expect(report.flaw).toBeUndefined();
    expect(report).toMatchObject({ steps: 9, wholeEpochs: 2, samples: 46, resumptions: 0, repeatedSteps: 0, discarded: 0 });
    expect(report.workers.map(({ name }) => name)).toEqual(["bob", "ann"]);
    expect(report.workers.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
    expect(report.checkpoint).toEqual({ step: 8, parametersSha256: "aa" });
  });

  it("passes wherever it was resumed, and only the last time counts", () => {
    const restarts = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 6 })), { maxLength: 5 });
    fc.assert(
      fc.property(restarts, (all) => {
        const events: TelemetryEvent[] = [start()];
        let [taken, again] = [0, 0];
        for (const [more, back] of all) {
          events.push(...steps(taken + 1, taken + more));
          taken += more;
          const to = Math.max(0, taken - back);
          again += taken - to;
          events.push(start(to));
          taken = to;
        }
        events.push(...steps(taken + 1, 8));
        const report = check(events.slice(0), finding(Math.max(8, taken)));
        expect(report.flaw).toBeUndefined();
        expect(report).toMatchObject({ resumptions: all.length, repeatedSteps: again, steps: Math.max(8, taken) });
      }),
    );
  });

  it("may begin with another run, and tells of what was discarded and of learning rates that people changed", () => {
    const slower = steps(3, 4).map((event) => ({ ...event, learningRate: 0.01 }));
    const report = check([
      start(0, "other"),
      step(1),
      start(),
      step(1),
      decision({ kind: "discarded", worker: "ann", why: "" }),
      decision({ kind: "joined", worker: "ann", workers: 1 }),
      step(2),
      decision({ kind: "learningRate", from: 0.1, to: 0.01 }, 2),
      ...slower,
    ]);
    expect(report.flaw).toBeUndefined();
    expect(report).toMatchObject({ steps: 4, discarded: 1 });
    expect(report.learningRates).toEqual([
      { step: 1, learningRate: 0.1 },
      { step: 3, learningRate: 0.01 },
    ]);
  });
});

describe("a flaw", () => {
  const done = (change: object): TelemetryEvent =>
    ({ event: "done", outcome: "finished", step: 4, parametersSha256: "aa", ...change }) as TelemetryEvent;
  const changed = (number: number, change: (event: StepEvent) => Partial<StepEvent>): StepEvent[] =>
    steps(1, 4).map((event) => (event.step === number ? { ...event, ...change(event) } : event));
  const share = (event: StepEvent, index: number, change: object): Partial<StepEvent> => ({
    shares: event.shares.map((one, i) => (i === index ? { ...one, ...change } : one)),
  });

  it.each<[string, number, RegExp, readonly TelemetryEvent[]]>([
    ["a step that is missing", 3, /tells of step 3 where step 1/, [start(), step(1), step(3)]],
    ["a step that is told twice", 1, /tells of step 1 where step 1/, [start(), step(1), step(1)]],
    ["a resumption that skips steps", 4, /goes on after step 4 where step 1/, [start(), step(1), start(4), step(5)]],
    ["a step of another epoch", 2, /epoch 9/, [start(), ...changed(2, () => ({ epoch: 9 }))]],
    [
      "a microbatch that counts twice",
      2,
      /microbatch 0 counted twice: from ann and from bob/,
      [start(), ...changed(2, (event) => share(event, 1, { microbatches: [[0, 3]] }))],
    ],
    [
      "one that the step has not got",
      2,
      /bob counted for microbatch 3/,
      [start(), ...changed(2, (event) => share(event, 1, { microbatches: [[1, 3]] }))],
    ],
    [
      "one that does not count",
      3,
      /microbatch 0 did not count/,
      [start(), ...changed(3, ({ shares }) => ({ shares: shares.slice(1) }))],
    ],
    [
      "a share with other samples than its microbatches",
      2,
      /ann counted for 5 samples, its microbatches have 2/,
      [start(), ...changed(2, (event) => share(event, 0, { samples: 5 }))],
    ],
    ["a sum over other samples", 2, /summed 5 samples, and has 6/, [start(), ...changed(2, () => ({ samples: 5 }))]],
    ["a learning rate that nobody asked for", 3, /learning rate is 1,/, [start(), ...changed(3, () => ({ learningRate: 1 }))]],
    [
      "a journal of an older version",
      1,
      /does not say which microbatches/,
      [start(), ...changed(1, (event) => share(event, 0, { microbatches: undefined }))],
    ],
    ["a run that is not in the journal", 0, /does not tell of run run/, [start(0, "other"), step(1)]],
    ["an end at another step", 9, /said to end with it/, [start(), ...steps(1, 4), done({ step: 9 })]],
  ])("%s", (_, at, what, events) => {
    const { flaw, wholeEpochs } = check(events);
    expect(flaw).toEqual({ step: at, what: expect.stringMatching(what) as string });
    expect(wholeEpochs).toBe(0);
  });

  it.each<[string, number, RegExp, CheckpointFinding]>([
    ["a checkpoint with other parameters than its manifest names", 4, /SHA-256 bb/, finding(4, { found: "bb" })],
    ["a checkpoint of a step that the journal does not know", 5, /journal ends with step 4/, finding(5)],
    ["an end with other parameters than the checkpoint's", 4, /ended with parameters/, finding(4, { stated: "cc", found: "cc" })],
  ])("%s", (_, at, what, checkpoint) => {
    const { flaw } = check([start(), ...steps(1, 4), done({})], checkpoint);
    expect(flaw).toEqual({ step: at, what: expect.stringMatching(what) as string });
  });

  it("a sample that counts twice in an epoch, and one that does not count at all", () => {
    const bent = (change: (samples: readonly number[]) => number[]): AuditPlan => ({
      ...plan,
      step: (number) => {
        const planned = epochs.step(number);
        if (number !== 4) return planned;
        const [first, ...rest] = planned.microbatches;
        const [slice, ...others] = first.slices;
        const microbatches = [{ ...first, slices: [{ ...slice, samples: change(slice.samples) }, ...others] }, ...rest];
        const samples = microbatches.flatMap(({ slices }) => slices).reduce((sum, one) => sum + one.samples.length, 0);
        return { ...planned, microbatches, samples };
      },
    });
    const { shard, samples } = epochs.step(1).microbatches[0].slices[0];
    const twice = bent((own) => [...own.slice(1), epochs.step(4).microbatches[0].slices[0].shard === shard ? samples[0] : own[1]]);
    const events = (against: AuditPlan) => [
      start(),
      ...steps(1, 3),
      {
        ...step(4, { samples: against.step(4).samples }),
        shares: step(4).shares.map((one, i) => {
          const { slices } = against.step(4).microbatches[0];
          return i === 0 ? { ...one, samples: slices.reduce((sum, slice) => sum + slice.samples.length, 0) } : one;
        }),
      },
    ];
    const none = bent((own) => own.slice(1));
    expect(check(events(none), finding(0), none).flaw).toMatchObject({
      step: 4,
      what: expect.stringMatching(/epoch ends with 19 samples, and has 20/) as string,
    });
    expect(check(events(twice), finding(0), twice).flaw).toMatchObject({ step: 4 });
  });
});
