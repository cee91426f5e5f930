// Where the axes of the curves have ticks, and what they say.
import { brief, duration } from "../../shared/format.ts";
import type { Against } from "./axis.ts";

const decades = Array.from({ length: 10 }, (_, i) => 10 ** i);
/** There is no half a step. */
export const stepIncrements = decades.flatMap((unit) => [unit, 2 * unit, 5 * unit]);

const [minute, hour] = [60, 3600];
/** Seconds that people count in. */
export const timeIncrements = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * minute),
  ...[1, 2, 4, 6, 12, 24, 48, 96, 192].map((count) => count * hour),
];

export function xLabel(tick: number, against: Against): string {
  if (against === "step") return tick >= 1e5 ? brief(tick) : tick.toLocaleString("en");
  return Number.isInteger(tick) ? duration(tick) : `${tick.toFixed(1)} s`;
}

/** All with as many digits as the finest needs. Where uPlot wants no label (between decades) it gives null. */
export function yLabel(ticks: readonly (number | null)[]): string[] {
  const shown = ticks.filter((tick): tick is number => tick !== null && tick !== 0);
  const finest = Math.min(...shown.map(Math.abs));
  const coarsest = Math.max(...shown.map(Math.abs));
  const digits = digitsOf(shown);
  return ticks.map((tick) => {
    if (tick === null) return "";
    if (tick === 0) return "0";
    if (coarsest >= 10_000) return brief(tick);
    if (coarsest < 1e-3 || finest < 1e-4) return shortExponent(tick);
    return tick.toFixed(digits);
  });
}

/** "5e-4", "2.5e-4" */
const shortExponent = (value: number): string => {
  const [mantissa, exponent] = value.toExponential(2).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
};

const mostDigits = 6;

/** As few as tell every tick exactly: 0.25 is not 0.3. */
function digitsOf(ticks: readonly number[]): number {
  for (let digits = 0; digits < mostDigits; digits++) {
    const exact = ticks.every((tick) => Math.abs(Number(tick.toFixed(digits)) - tick) <= 1e-6 * Math.abs(tick));
    if (exact) return digits;
  }
  return mostDigits;
}
