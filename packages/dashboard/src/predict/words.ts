// Names of classes and sentences about samples, the same in the grid, the matrix and for screen readers.
import { areProbabilities, type LabelDescription, type Reading } from "@tabgrad/core";
import { decimal, percent } from "../shared/format.ts";

export type Naming = (index: number) => string;

/** The class's name, or its index. */
export const namingOf =
  ({ names }: LabelDescription): Naming =>
  (index) =>
    names?.[index] ?? String(index);

export const score = (value: number, reading: Reading): string =>
  areProbabilities(reading) ? percent(value, value > 0.995 && value < 0.9995 ? 1 : 0) : decimal(value);

export const verdict = (truth: string, predicted: string): string =>
  truth === predicted ? `true ${truth}, rightly predicted` : `true ${truth}, predicted ${predicted}`;

/** "step 1,240", and what it means that there is none. */
export const stepWords = (version: number): string =>
  version === 0 ? "step 0, untrained" : `step ${version.toLocaleString("en")}`;
