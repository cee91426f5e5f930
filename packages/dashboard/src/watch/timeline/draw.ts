// Draws the timeline's lanes on one canvas.
import { token, type TokenName } from "../../shared/token-color.ts";
import { parts, type Bar, type Part, type Timeline } from "./layout.ts";

export interface Geometry {
  readonly width: number;
  /** Of a lane, with the space around its bar, in CSS pixels. */
  readonly laneHeight: number;
}

/** Of a lane's height: what each part takes, so that they can be told apart without their colours, too. */
const thickness: Readonly<Record<Part, number>> = { wait: 0.15, fetch: 0.44, compute: 0.56, upload: 0.28 };
const color: Readonly<Record<Part, TokenName>> = { wait: "--wait", fetch: "--fetch", compute: "--compute", upload: "--upload" };

export const timeToX = ({ from, to }: Timeline, width: number, time: number): number => ((time - from) / (to - from)) * width;
export const xToTime = ({ from, to }: Timeline, width: number, x: number): number => from + (x / width) * (to - from);

/** @param marked the bar that somebody looks at */
export function drawTimeline(
  context: CanvasRenderingContext2D,
  timeline: Timeline,
  { width, laneHeight }: Geometry,
  marked: Bar | undefined,
): void {
  const scale = devicePixelRatio;
  const height = laneHeight * timeline.lanes.length;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.fillStyle = token("--line");
  for (const { time } of timeline.boundaries) context.fillRect(Math.round(timeToX(timeline, width, time)) - 1, 0, 1, height);
  timeline.lanes.forEach(({ bars }, lane) => {
    const middle = (lane + 0.5) * laneHeight;
    for (const part of parts) for (const bar of bars) drawPart(context, timeline, bar, part, { width, middle, laneHeight });
    for (const bar of bars) if (bar.lateMs > 0) drawLate(context, timeToX(timeline, width, bar.endedAt), middle, laneHeight);
    if (marked && bars.includes(marked)) drawMark(context, timeline, marked, { width, middle, laneHeight });
  });
}

interface Place {
  readonly width: number;
  readonly middle: number;
  readonly laneHeight: number;
}

function drawPart(
  context: CanvasRenderingContext2D,
  timeline: Timeline,
  bar: Bar,
  part: Part,
  { width, middle, laneHeight }: Place,
): void {
  const [from, to] = bar.spans[part];
  if (to <= from) return;
  const left = Math.max(0, timeToX(timeline, width, from));
  const right = Math.min(width, timeToX(timeline, width, to));
  if (right <= left) return;
  const height = Math.round(thickness[part] * laneHeight);
  context.fillStyle = token(color[part]);
  context.fillRect(left, Math.round(middle - height / 2), Math.max(1, right - left), height);
}

/** A flag at the end of what others waited for. */
function drawLate(context: CanvasRenderingContext2D, x: number, middle: number, laneHeight: number): void {
  const half = 0.36 * laneHeight;
  context.fillStyle = token("--bad");
  context.fillRect(x - 1.5, middle - half, 2, 2 * half);
  context.beginPath();
  context.moveTo(x + 0.5, middle - half);
  context.lineTo(x - 6, middle - half);
  context.lineTo(x + 0.5, middle - half + 6);
  context.fill();
}

function drawMark(context: CanvasRenderingContext2D, timeline: Timeline, bar: Bar, { width, middle, laneHeight }: Place): void {
  const left = timeToX(timeline, width, bar.spans.fetch[0]);
  const right = timeToX(timeline, width, bar.endedAt);
  context.strokeStyle = token("--ink");
  context.lineWidth = 1.5;
  context.strokeRect(left - 1.5, middle - 0.4 * laneHeight, Math.max(3, right - left + 3), 0.8 * laneHeight);
}
