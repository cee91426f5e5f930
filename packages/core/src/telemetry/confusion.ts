// What a confusion matrix says of each class.

export interface ClassRecord {
  readonly index: number;
  /** How many are of the class, how many were said to be, and how many both. */
  readonly there: number;
  readonly said: number;
  readonly right: number;
  /** right / there, and right / said; NaN where that is of none. */
  readonly recall: number;
  readonly precision: number;
  /** The other class that it is taken for most often; undefined where it never is. */
  readonly rival?: { readonly index: number; readonly count: number };
}

/** @param counts by true class and predicted class: square */
export function classRecords(counts: readonly (readonly number[])[]): ClassRecord[] {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return counts.map((row, index) => {
    const there = sum(row);
    const said = sum(counts.map((other) => other[index]));
    const right = row[index];
    const others = row.map((count, other) => ({ index: other, count })).filter((other) => other.index !== index && other.count > 0);
    const rival = others.toSorted((a, b) => b.count - a.count).at(0);
    return { index, there, said, right, recall: right / there, precision: right / said, ...(rival && { rival }) };
  });
}
