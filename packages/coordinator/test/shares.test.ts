// How a step is divided among workers, and what is known of their pace.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shares, type Pace } from "../src/decide/index.ts";
import { measured } from "../src/decide/pace.ts";

describe("shares", () => {
  const pace = (perSample: number, overhead = 0): Pace => ({ overhead, perSample });

  it("divides evenly while nothing is known", () => expect(shares(8, 32, [undefined, undefined])).toEqual([4, 4]));
  it("follows speed", () => expect(shares(8, 32, [pace(1), pace(3)])).toEqual([6, 2]));
  it("counts an unmeasured worker as an average one", () => expect(shares(8, 32, [pace(2), undefined])).toEqual([4, 4]));
  it("gives less to a worker that is far away", () => expect(shares(8, 1, [pace(1), pace(1, 4)])).toEqual([6, 2]));
  it("leaves nobody without a measurement", () => expect(shares(4, 1, [pace(1), undefined, pace(2, 1)])).toEqual([2, 1, 1]));
  it("waits for nobody who would be done long after the others", () => {
    expect(shares(4, 1, [pace(1), pace(100)])).toEqual([4, 0]);
    expect(shares(9, 1, [pace(1), pace(10)])).toEqual([8, 1]);
    expect(shares(7, 1, [pace(1), pace(10)], [6, 1])).toEqual([7, 0]);
  });
  it("gives the fastest what there is, if it is not enough for all", () =>
    expect(shares(1, 1, [pace(2), pace(1)])).toEqual([0, 1]));
  it("keeps shares that are nearly right", () => expect(shares(8, 32, [pace(1), pace(1.1)], [4, 4])).toEqual([4, 4]));
  it("moves shares that are wrong", () => expect(shares(8, 32, [pace(1), pace(2)], [4, 4])).toEqual([6, 2]));
  it("comes back to equal shares of equal workers, whatever they pay for the way", () =>
    expect(shares(8, 32, [pace(0.1, 8), pace(0.1, 8)], [5, 3])).toEqual([4, 4]));

  it("always adds up, and never ends later than an even division", () => {
    const anyPace = fc.record({
      overhead: fc.double({ min: 0, max: 100, noNaN: true }),
      perSample: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.nat({ max: 300 }), fc.array(anyPace, { minLength: 1, maxLength: 12 }), (total, paces) => {
        const found = shares(total, 32, paces);
        expect(found.reduce((a, b) => a + b, 0)).toBe(total);
        expect(found.every((share) => Number.isInteger(share) && share >= 0)).toBe(true);
        const end = (counts: number[]): number =>
          Math.max(...counts.map((count, i) => (count ? paces[i].overhead + count * 32 * paces[i].perSample : 0)));
        const even = paces.map((_, i) => Math.floor(total / paces.length) + (i < total % paces.length ? 1 : 0));
        expect(end(found)).toBeLessThanOrEqual(end(even) * (1 + 1e-9));
      }),
    );
  });
});

describe("a worker's pace", () => {
  it("parts computing from the way, by our own clock", () => {
    expect(measured(undefined, { samples: 100, elapsed: 12, computing: 4 })).toEqual({ overhead: 8, perSample: 0.04 });
  });

  it("believes nobody who says to have computed longer than we waited", () => {
    expect(measured(undefined, { samples: 100, elapsed: 12, computing: 40 })).toEqual({ overhead: 0, perSample: 0.12 });
  });

  it("is smoothed", () => {
    const pace = measured({ overhead: 10, perSample: 1 }, { samples: 10, elapsed: 10, computing: 0.01 });
    expect(pace.perSample).toBeGreaterThan(0.5);
    expect(pace.perSample).toBeLessThan(1);
  });
});
