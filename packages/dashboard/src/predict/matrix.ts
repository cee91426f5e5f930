// The confusion matrix as rows of counts, and how dark each cell is.
import type { ClassAssessment, ClassPair } from "./assess.ts";

/** More classes than this are no matrix that anybody can read. */
export const mostClasses = 26;

export interface MatrixCell extends ClassPair {
  /** Of the samples of its true class, 0 to 1. */
  readonly share: number;
}

/** One row for each true class, one cell in it for each predicted class. */
export function matrixOf({ pairs }: Pick<ClassAssessment, "pairs">, classes: number): MatrixCell[][] {
  const rows = Array.from({ length: classes }, (_, truth) =>
    Array.from({ length: classes }, (_, predicted) => ({ truth, predicted, count: 0, share: 0 })),
  );
  for (const { truth, predicted, count } of pairs) rows[truth][predicted].count = count;
  for (const row of rows) {
    const total = row.reduce((sum, { count }) => sum + count, 0);
    for (const cell of row) cell.share = total > 0 ? cell.count / total : 0;
  }
  return rows;
}

/** Mistakes, the most frequent first. */
export const confusedPairs = ({ pairs }: Pick<ClassAssessment, "pairs">, most: number): readonly ClassPair[] =>
  pairs.filter(({ truth, predicted }) => truth !== predicted).slice(0, most);
