// What the curves show: smoothing by time, axes, ticks, the values at the cursor.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { extent, fullRange, nearest, seriesX } from "../src/watch/curves/axis.ts";
import { placeOf, readout } from "../src/watch/curves/readout.ts";
import { smoothed, smoothings, suitableSmoothing } from "../src/watch/curves/smoothing.ts";
import { lossSpec, measureSpecs, metricSpec } from "../src/watch/curves/specs.ts";
import { xLabel, yLabel } from "../src/watch/curves/ticks.ts";
import { evaluationEvent, running, startEvent, steps, viewOf } from "./watch-events.ts";

describe("smoothed", () => {
  it("lets a point weigh 1/e after the given time", () => {
    const result = smoothed(Float64Array.of(0, 2000), Float32Array.of(1, 0), 2);
    const kept = Math.exp(-1);
    expect(result[1]).toBeCloseTo(kept / (1 + kept), 6);
  });

  it("begins anew after a long pause", () => {
    expect(smoothed(Float64Array.of(0, 100, 600_000), Float32Array.of(9, 9, 1), 2)[2]).toBeCloseTo(1, 6);
  });

  it("leaves a constant as it is, and everything between least and most", () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: -1000, max: 1000 })), { minLength: 1 });
    fc.assert(
      fc.property(gaps, fc.constantFrom(...smoothings), (points, seconds) => {
        let now = 0;
        const times = Float64Array.from(points, ([gap]) => (now += gap));
        const values = Float32Array.from(points, ([, value]) => value);
        const [least, most] = [Math.min(...values), Math.max(...values)];
        for (const value of smoothed(times, values, seconds)) {
          expect(value).toBeGreaterThanOrEqual(least - 1e-3);
          expect(value).toBeLessThanOrEqual(most + 1e-3);
        }
      }),
    );
  });

  it("does not let one value that is not finite hide all that follow", () => {
    expect(smoothed(Float64Array.of(0, 1, 2), Float32Array.of(2, Infinity, 2), 10)[2]).toBeCloseTo(2, 6);
  });

  it("is not at all for 0 seconds", () => {
    const values = Float32Array.of(1, 2, 3);
    expect(smoothed(Float64Array.of(0, 1, 2), values, 0)).toBe(values);
  });

  it("suits the length of a run", () => {
    expect([0, 60, 300, 1e6].map(suitableSmoothing)).toEqual([0.5, 1, 5, 600]);
  });
});

describe("axes", () => {
  const view = viewOf(startEvent, running, ...steps(5), evaluationEvent(5));

  it("are steps, or seconds since the first step began", () => {
    expect([...seriesX(view, "step")]).toEqual([1, 2, 3, 4, 5]);
    expect([...seriesX(view, "time")].map((x) => Math.round(10 * x))).toEqual([1, 2, 3, 4, 5]);
  });

  it("reach from the first to the last, and are never empty", () => {
    expect(fullRange(view, "step")).toEqual([1, 5]);
    expect(fullRange(view, "time")[1]).toBeCloseTo(0.6, 6);
    expect(fullRange(undefined, "step")).toEqual([0, 1]);
    expect(fullRange(viewOf(startEvent, running, ...steps(1)), "step")).toEqual([1, 2]);
  });

  it("find the nearest point as a plain search does", () => {
    const sorted = fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 1 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(sorted, fc.integer({ min: -120, max: 120 }), (values, x) => {
        const least = Math.min(...values.map((value) => Math.abs(value - x)));
        expect(Math.abs(values[nearest(values, x)] - x)).toBe(least);
      }),
    );
    expect(nearest([], 3)).toBe(-1);
  });

  it("hold what is shown, without what is not", () => {
    const curve = [
      [1, 2, 3],
      [100, 1, 2],
    ] as const;
    expect(extent([curve], [2, 3], false)).toEqual([0.94, 2.06]);
    expect(extent([curve], [5, 6], false)).toBeUndefined();
    expect(
      extent(
        [
          [
            [1, 2],
            [0, 10],
          ],
        ],
        [1, 2],
        true,
      )![0],
    ).toBeCloseTo(10 / 1.15, 6);
    expect(
      extent(
        [
          [
            [1, 2],
            [NaN, 0.5],
          ],
        ],
        [1, 2],
        false,
      ),
    ).toEqual([0.45, 0.55]);
    expect(
      extent(
        [
          [
            [1, 2],
            [0, 10],
          ],
        ],
        [1, 2],
        false,
      )![0],
    ).toBe(0);
  });

  it("have short labels", () => {
    expect(yLabel([0, 0.25, 0.5])).toEqual(["0", "0.25", "0.50"]);
    expect(yLabel([0.963, 0.965 + 1e-13])).toEqual(["0.963", "0.965"]);
    expect(yLabel([0, 1000, 20_000])).toEqual(["0", "1k", "20k"]);
    expect(yLabel([0, 2e-4, 4e-4])).toEqual(["0", "2e-4", "4e-4"]);
    expect(yLabel([null, 1])).toEqual(["", "1"]);
    expect([xLabel(1500, "step"), xLabel(90, "time"), xLabel(0.5, "time")]).toEqual(["1,500", "1:30", "0.5 s"]);
  });
});

describe("readout", () => {
  const view = viewOf(startEvent, running, ...steps(5), evaluationEvent(2, 0.5), evaluationEvent(5));

  it("is the newest without a cursor, and the nearest with one", () => {
    const data = lossSpec.read(view, "step", 0);
    expect(readout(lossSpec, data, undefined, "step")!.spoken).toBe("step 5: raw 0.2000, smoothed 0.2000, evaluation 0.2500");
    expect(readout(lossSpec, data, 2.2, "step")!.values[0]).toEqual({ name: "raw", text: "0.5000" });
  });

  it("shows each evaluation's own metric", () => {
    const spec = metricSpec("accuracy", "share", true);
    expect(readout(spec, spec.read(view, "step", 0), 1, "step")!.values).toEqual([{ name: "", text: "50.00 %" }]);
  });

  it("leaves out what is only drawn, and says so where there is nothing", () => {
    const [speed] = measureSpecs;
    expect(readout(speed, speed.read(view, "step", 1), undefined, "step")!.values).toEqual([{ name: "", text: "640" }]);
    expect(readout(speed, speed.read(viewOf(startEvent), "step", 1), undefined, "step")).toBeUndefined();
  });

  it("says that a loss is no number any more", () => {
    const data = { x: Float64Array.of(1), curves: [[NaN]] };
    expect(readout({ names: ["raw"], format: String }, data, undefined, "step")!.values[0].text).toBe("not a number");
  });

  it("names the place", () => {
    expect([placeOf(1240, "step"), placeOf(72, "time")]).toEqual(["step 1,240", "1:12"]);
  });
});
