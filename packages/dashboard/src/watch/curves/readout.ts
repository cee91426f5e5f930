// The values at the cursor, or the newest where there is none.
import { duration } from "../../shared/format.ts";
import { nearest, type Against } from "./axis.ts";
import type { CurveData, CurveSpec } from "./specs.ts";

export interface Reading {
  readonly values: readonly { readonly name: string; readonly text: string }[];
  /** All of it as a sentence. */
  readonly spoken: string;
}

/** Where: "step 1,240", "1:12" */
export const placeOf = (x: number, against: Against): string =>
  against === "step" ? `step ${Math.round(x).toLocaleString("en")}` : duration(x);

/** @param cursor in the unit of the axis @returns undefined where there is no point */
export function readout(
  { names, marksName, format }: Pick<CurveSpec, "names" | "marksName" | "format">,
  { x, curves, marks }: CurveData,
  cursor: number | undefined,
  against: Against,
): Reading | undefined {
  if (x.length === 0) return undefined;
  const index = cursor === undefined ? x.length - 1 : nearest(x, cursor);
  const values = names.flatMap((name, i) => (name === undefined ? [] : [{ name, text: text(curves[i][index], format) }]));
  if (marksName !== undefined && marks && marks.x.length > 0) {
    // The evaluation that held at that place.
    const at = cursor === undefined ? marks.x.length - 1 : nearest(marks.x, cursor);
    values.push({ name: marksName, text: text(marks.y[at], format) });
  }
  const spoken = `${placeOf(x[index], against)}: ${values.map(({ name, text: value }) => `${name} ${value}`.trim()).join(", ")}`;
  return { values, spoken };
}

const text = (value: number, format: (value: number) => string): string =>
  Number.isFinite(value) ? format(value) : "not a number";
