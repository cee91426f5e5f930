// Numbers as people read them.
import { describe, expect, it } from "vitest";
import { brief, bytes, count, decimal, duration, metricText, milliseconds, percent, plain } from "../src/shared/format.ts";
import { workerColor } from "../src/shared/worker-color.ts";
import { isSeen } from "../src/watch/sightings.ts";

describe("format", () => {
  it("writes numbers with the digits that say something", () => {
    expect([count(48_120.4), brief(48_120), brief(1_234_567)]).toEqual(["48,120", "48.1k", "1.23M"]);
    expect([decimal(0.21342), decimal(1.24e-7), decimal(0)]).toEqual(["0.2134", "1.2e-7", "0.000"]);
    expect([plain(0.001), plain(0.00050001), plain(8.8e-7)]).toEqual(["0.001", "0.0005", "8.8e-7"]);
    expect([percent(0.97851), percent(1, 0), metricText(0.5, "share"), metricText(0.5, undefined)]).toEqual([
      "97.85 %",
      "100 %",
      "50.00 %",
      "0.5000",
    ]);
  });

  it("writes times and sizes", () => {
    expect([7, 750.4, 3725, NaN].map(duration)).toEqual(["0:07", "12:30", "1:02:05", "–"]);
    expect([1.23, 12.3, 1400].map(milliseconds)).toEqual(["1.2 ms", "12 ms", "1.4 s"]);
    expect([12, 3_200_000, 1.5e12].map(bytes)).toEqual(["12 B", "3.20 MB", "1.50 TB"]);
  });

  it("gives a worker one of eight colours, the same everywhere", () => {
    expect(["w1", "w2", "w8", "w9"].map(workerColor)).toEqual(
      ["--worker-0", "--worker-1", "--worker-7", "--worker-0"].map((name) => `var(${name})`),
    );
  });

  it("takes the last of several sightings", () => {
    expect(isSeen([{ isIntersecting: false }, { isIntersecting: true }])).toBe(true);
    expect(isSeen([{ isIntersecting: true }, { isIntersecting: false }])).toBe(false);
  });
});
