// A confusion matrix as cells: what each counts, its share of the row, and its words.
import { count as formatCount, percent } from "../../shared/format.ts";

export interface ConfusionCell {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
  /** Of the samples of its true class, 0 to 1. */
  readonly share: number;
}

export type ClassNaming = (index: number) => string;

/** What the classes are called; their indices where there is not one name for each. Blanks are put in quotes. */
export const classNaming =
  (names: readonly string[] | undefined, classes: number): ClassNaming =>
  (index) => {
    const name = names?.length === classes ? names[index] : String(index);
    return /^\s|\s$|[\n\r\t]|^$/.test(name) ? JSON.stringify(name) : name;
  };

export const confusionCells = (counts: readonly (readonly number[])[]): ConfusionCell[][] =>
  counts.map((row, truth) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({ truth, predicted, count, share: total > 0 ? count / total : 0 }));
  });

/** "true 3, predicted 5: 12, 1.2 % of the true 3" */
export const cellWords = ({ truth, predicted, count, share }: ConfusionCell, name: ClassNaming): string =>
  `true ${name(truth)}, predicted ${name(predicted)}: ${formatCount(count)}, ${shareText(share)} of the true ${name(truth)}`;

/** As few digits as tell a few from none and nearly all from all. */
export const shareText = (share: number): string =>
  Number.isNaN(share) ? "–" : percent(share, share === 0 || share === 1 ? 0 : 1);

/** What there is room for in a cell. */
export type CellDetail = "shares" | "counts" | "colours";

export const cellDetail = (classes: number): CellDetail => (classes <= 12 ? "shares" : classes <= 30 ? "counts" : "colours");
