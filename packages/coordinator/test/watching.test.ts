// What watching is made of, as far as it is pure: how often, who may, how values are spread, what a command means.
import type { ControlCommand } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandEvent, initialState } from "../src/decide/index.ts";
import { newestCopy } from "../src/reduce/newest-copy.ts";
import { attemptsWindowMs, mayTry, wrongToken, wrongTokensAllowed, type Attempts } from "../src/rim/attempts.ts";
import { ControlKey } from "../src/rim/control-key.ts";
import { broadcastInterval } from "../src/rim/pacing.ts";
import { histogram, histogramBins, histogramValues } from "../src/telemetry/histogram.ts";
import { Histograms } from "../src/telemetry/histograms.ts";

describe("the interval between broadcasts", () => {
  it.each([
    [1, 100],
    [10, 100],
    [50, 500],
    [100, 1000],
    [1000, 1000],
  ])("is for %i viewers %i ms", (viewers, expected) => expect(broadcastInterval(viewers)).toBe(expected));

  it("makes no more than 100 sends a second up to a hundred viewers", () => {
    for (let viewers = 1; viewers <= 100; viewers++) expect((viewers * 1000) / broadcastInterval(viewers)).toBeLessThanOrEqual(100);
  });
});

describe("wrong tokens", () => {
  const after = (count: number, now = 0): Attempts => {
    let attempts: Attempts = new Map();
    for (let i = 0; i < count; i++) attempts = wrongToken(attempts, "10.0.0.1", now);
    return attempts;
  };

  it("are counted by address, for a minute from the first one", () => {
    expect(mayTry(after(wrongTokensAllowed - 1), "10.0.0.1", 1)).toBe(true);
    const locked = after(wrongTokensAllowed);
    expect(mayTry(locked, "10.0.0.1", attemptsWindowMs - 1)).toBe(false);
    expect(mayTry(locked, "10.0.0.2", 1)).toBe(true);
    expect(mayTry(locked, "10.0.0.1", attemptsWindowMs)).toBe(true);
    const again = wrongToken(locked, "10.0.0.1", attemptsWindowMs);
    expect(again.get("10.0.0.1")).toEqual({ since: attemptsWindowMs, wrong: 1 });
  });

  it("of very many addresses do not pile up", () => {
    // The map begins full: entry by entry would take a while.
    const many: Attempts = new Map(Array.from({ length: 10_000 }, (_, i) => [`a${i}`, { since: 0, wrong: 1 }]));
    const more = wrongToken(many, "one more", 1);
    expect(more.size).toBe(10_000);
    expect(more.has("a0")).toBe(false);
    expect(wrongToken(more, "later", attemptsWindowMs).size).toBe(2);
  });

  it("lock out even the right one, and the right one costs nothing", () => {
    const key = new ControlKey("secret");
    for (let i = 0; i < 20; i++) expect(key.permit("secret", "a", 0)).toEqual({ granted: true });
    for (let i = 0; i < wrongTokensAllowed; i++)
      expect(key.permit("guess", "a", 0)).toMatchObject({
        granted: false,
        why: expect.stringContaining("not this run's") as string,
      });
    expect(key.permit("secret", "a", 1)).toMatchObject({ granted: false, why: expect.stringContaining("too many") as string });
    expect(key.permit("secret", "b", 1)).toEqual({ granted: true });
    expect(key.permit("secret", "a", attemptsWindowMs)).toEqual({ granted: true });
  });

  it("are all there is where no token was given to the run", () => {
    expect(new ControlKey(undefined).permit("", "a", 0).granted).toBe(false);
    expect(new ControlKey("secret").permit(undefined, "a", 0).granted).toBe(false);
    expect(new ControlKey("secret").permit("", "a", 0).granted).toBe(false);
  });
});

describe("a histogram", () => {
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

  it("counts every value of a small tensor once, within its range", () => {
    const float = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(float, { minLength: 1, maxLength: 300 }), fc.constantFrom(1, 0.125), (values, scale) => {
        const tensor = Float32Array.from(values);
        const { least, most, counts, mean, deviation } = histogram(tensor, scale);
        expect(counts).toHaveLength(histogramBins);
        expect(sum(counts)).toBe(values.length);
        expect(least).toBe(Math.min(...tensor) * scale);
        expect(most).toBe(Math.max(...tensor) * scale);
        const slack = 1e-9 * Math.max(1, Math.abs(least), Math.abs(most));
        expect(mean).toBeGreaterThanOrEqual(least - slack);
        expect(mean).toBeLessThanOrEqual(most + slack);
        expect(deviation).toBeLessThanOrEqual((most - least) / 2 + slack);
      }),
    );
  });

  it("puts values where they belong", () => {
    const { counts, mean, deviation } = histogram(Float32Array.from([0, 0, 1, 24, 48]));
    expect(counts.flatMap((count, bin) => (count ? [[bin, count]] : []))).toEqual([
      [0, 2],
      [1, 1],
      [24, 1],
      [47, 1],
    ]);
    expect(mean).toBeCloseTo(14.6);
    expect(deviation).toBeCloseTo(Math.sqrt((2 * 14.6 ** 2 + 13.6 ** 2 + 9.4 ** 2 + 33.4 ** 2) / 5));
  });

  it("of equal values has them in the middle", () => {
    const { counts, least, most, deviation } = histogram(new Float32Array(7).fill(0.5));
    expect(counts[histogramBins / 2]).toBe(7);
    expect([least, most, deviation, sum(counts)]).toEqual([0.5, 0.5, 0, 7]);
  });

  it("of a large tensor samples all of its length", () => {
    const { counts, least, most } = histogram(Float32Array.from({ length: 1_000_000 }, (_, i) => i));
    expect(sum(counts)).toBe(histogramValues);
    expect(least).toBe(0);
    expect(most).toBeGreaterThan(999_900);
    for (const count of counts) expect(Math.abs(count - histogramValues / histogramBins)).toBeLessThan(2);
  });

  it("is made of the mean gradient, every two seconds at most, and once a step", () => {
    const tensor = { name: "0.bias", shape: [2], weights: Float32Array.of(1, 3), gradientSum: Float32Array.of(8, 16) };
    const reducer = { version: 1, newestStep: () => ({ samples: 8, tensors: [tensor] }) };
    const histograms = new Histograms(reducer);
    expect(histograms.newest).toBeUndefined();
    expect(histograms.make(0)).toMatchObject({
      step: 1,
      tensors: [{ name: "0.bias", weights: { least: 1, most: 3, mean: 2 }, gradients: { least: 1, most: 2, mean: 1.5 } }],
    });
    expect(histograms.make(5000)).toBeUndefined();
    reducer.version = 2;
    expect(histograms.make(1999)).toBeUndefined();
    expect(histograms.newest?.step).toBe(1);
    expect(histograms.make(2000)?.step).toBe(2);
  });
});

describe("the copy of the parameters", () => {
  it("is made once a second at most, and not where nothing is new", () => {
    let now = 0;
    const source = { version: 0, copies: 0, parameterBytes: () => Uint8Array.of(++source.copies) };
    const copy = newestCopy(source, () => now);
    expect(source.copies).toBe(0);
    const first = copy();
    source.version = 1;
    now = 999;
    expect(copy()).toBe(first);
    now = 1000;
    expect(copy()).toMatchObject({ version: 1, bytes: Uint8Array.of(2) });
    now = 9000;
    copy();
    expect(source.copies).toBe(2);
  });
});

describe("a command", () => {
  const state = initialState({ learningRate: 0.1 });
  it.each<[ControlCommand, object]>([
    [{ name: "pause" }, { kind: "pause" }],
    [{ name: "resume" }, { kind: "resume" }],
    [{ name: "stop" }, { kind: "stop" }],
    [{ name: "checkpoint" }, { kind: "checkpointNow" }],
    [
      { name: "learningRate", value: 0.5 },
      { kind: "learningRate", value: 0.5 },
    ],
  ])("%o is an event", (command, event) => expect(commandEvent(command, state)).toMatchObject(event));

  it("says why it can't be done", () => {
    const refused = (message: string): object => ({ code: "CONTROL_REFUSED", message });
    expect(() => commandEvent({ name: "drop", worker: "w9" }, state)).toThrow(
      expect.objectContaining(refused("There is no worker w9")),
    );
    expect(() => commandEvent({ name: "pause" }, { ...state, phase: "ended" })).toThrow(
      expect.objectContaining(refused("The run is over")),
    );
  });
});
