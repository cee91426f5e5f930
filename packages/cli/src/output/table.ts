// Columns of text for a terminal.

/** One line a row; columns as wide as their widest cell, two spaces apart. `right` names the columns that end flush. */
export function table(rows: readonly (readonly string[])[], right: ReadonlySet<number> = new Set()): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (right.has(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}
