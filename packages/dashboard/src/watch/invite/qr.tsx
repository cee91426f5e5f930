// A QR code as one path: dark on white in both themes, since not every camera reads the opposite.
import { encode } from "uqr";
import { useMemo } from "preact/hooks";
import "./qr.css";

export function Qr({ text, label }: { readonly text: string; readonly label: string }) {
  const { size, path } = useMemo(() => draw(text), [text]);
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges" data-testid="qr">
      <path d={path} fill="#111" />
    </svg>
  );
}

/** A rectangle for each run of dark modules in a row. */
function draw(text: string): { readonly size: number; readonly path: string } {
  const { data, size } = encode(text, { border: 2 });
  const runs = data.flatMap((row, y) => row.map((dark, x) => (dark && !row[x - 1] ? [x, y, lengthOf(row, x)] : undefined)));
  const path = runs.map((run) => (run ? `M${run[0]} ${run[1]}h${run[2]}v1h-${run[2]}z` : "")).join("");
  return { size, path };
}

function lengthOf(row: readonly boolean[], from: number): number {
  const end = row.indexOf(false, from);
  return (end < 0 ? row.length : end) - from;
}
