// What one contribution took, beside its bar.
import { count, milliseconds } from "../../shared/format.ts";
import type { Bar } from "./layout.ts";

export interface BarNoteProps {
  readonly bar: Bar;
  readonly name: string;
  /** The bar's middle and the lane's lower end, in pixels of the canvas, which is so wide. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

const noteWidth = 216;

export function BarNote({ bar, name, left, top, width }: BarNoteProps) {
  const { timings } = bar;
  const from = Math.max(0, Math.min(width - noteWidth, left - noteWidth / 2));
  return (
    <div class="bar-note" style={{ left: `${from}px`, top: `${top + 4}px`, width: `${noteWidth}px` }} role="status">
      <p class="bar-note-title">
        {name}, step {count(bar.step)}
      </p>
      <dl class="number">
        <Row name="wait" value={timings.waitMs} />
        <Row name="fetch" value={timings.fetchMs} />
        <Row name="compute" value={timings.computeMs} />
        <Row name={bar.estimated ? "upload, about" : "upload"} value={bar.uploadMs} />
      </dl>
      <p class="quiet">
        {count(bar.samples)} samples
        {bar.lateMs > 0 && <span class="bar-note-late"> · last by {milliseconds(bar.lateMs)}</span>}
      </p>
    </div>
  );
}

function Row({ name, value }: { readonly name: string; readonly value: number }) {
  return (
    <div>
      <dt class={`timeline-part ${name.split(",")[0]}`}>{name}</dt>
      <dd>{milliseconds(value)}</dd>
    </div>
  );
}
