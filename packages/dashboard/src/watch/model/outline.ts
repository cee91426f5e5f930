// The outline of a histogram as an SVG path that stands on the bottom of its box.

/** The tallest bin touches the top. @returns an empty path where nothing was counted */
export function outline(counts: readonly number[], width: number, height: number): string {
  const most = Math.max(0, ...counts);
  if (most === 0) return "";
  const bin = width / counts.length;
  const round = (value: number): number => Math.round(100 * value) / 100;
  const steps = counts.map((count, i) => `V${round(height * (1 - count / most))}H${round((i + 1) * bin)}`);
  return `M0 ${height}${steps.join("")}V${height}z`;
}
