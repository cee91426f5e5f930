// The last steps, one lane a worker, so that the eye finds who the others wait for. It stands still while somebody looks closely.
import { computed, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { Panel } from "../../shared/panel.tsx";
import { themeChanges } from "../../shared/token-color.ts";
import { workerColor } from "../../shared/worker-color.ts";
import type { Run } from "../run.ts";
import { drawTimeline, timeToX, xToTime } from "./draw.ts";
import { barAt, layTimeline, parts, type Bar, type Timeline as Laid } from "./layout.ts";
import { BarNote } from "./bar-note.tsx";
import "./timeline.css";

const laneHeight = 28;
/** A step narrower than this can't be read. */
const narrowestStep = 44;
const mostSteps = 16;

/** Which bar somebody looks at, and where on the canvas. */
interface Marked {
  readonly lane: number;
  readonly bar: Bar;
}

export function Timeline({ run }: { readonly run: Run }) {
  const width = useSignal(0);
  const marked = useSignal<Marked | undefined>(undefined);
  const laid = useMemo(() => {
    let newest: Laid | undefined;
    return computed(() => {
      // Held while somebody looks.
      if (marked.value !== undefined) return newest;
      const view = run.view.value;
      if (!view) return undefined;
      const steps = Math.max(2, Math.min(mostSteps, Math.floor(width.value / narrowestStep)));
      newest = layTimeline(view.timeline.slice(-steps - 1), [...view.workers.values()]);
      return newest;
    });
  }, [run]);
  const timeline = laid.value;
  return (
    <Panel title="Timeline of the last steps" id="timeline" aside={<Legend />}>
      <div class="timeline" data-testid="timeline">
        <ul class="timeline-lanes" aria-hidden={!timeline}>
          {timeline?.lanes.map(({ worker, name }) => (
            <li key={worker} class="timeline-lane" data-testid="lane" data-worker={worker} title={name}>
              <span class="timeline-dot" style={{ background: workerColor(worker) }} aria-hidden="true" />
              <span class="timeline-name">{name}</span>
            </li>
          ))}
        </ul>
        <Lanes timeline={timeline} width={width} marked={marked} />
        {!timeline && <p class="timeline-empty faint small">Each worker gets a lane with the first step.</p>}
      </div>
    </Panel>
  );
}

interface LanesProps {
  readonly timeline: Laid | undefined;
  readonly width: { value: number };
  readonly marked: { value: Marked | undefined };
}

function Lanes({ timeline, width, marked }: LanesProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const shown = useSignal(timeline);
  shown.value = timeline;
  const height = laneHeight * (timeline?.lanes.length ?? 1);
  useLayoutEffect(() => {
    const sizes = new ResizeObserver(() => (width.value = host.current!.clientWidth));
    sizes.observe(host.current!);
    return () => sizes.disconnect();
  }, []);
  useSignalEffect(() => {
    themeChanges.value satisfies number;
    const context = canvas.current?.getContext("2d");
    if (!context || !shown.value || width.value === 0) return;
    const size = { width: width.value * devicePixelRatio, height: laneHeight * shown.value.lanes.length * devicePixelRatio };
    // Setting the size clears a canvas and costs memory: only when it is another.
    if (context.canvas.width !== Math.round(size.width)) context.canvas.width = Math.round(size.width);
    if (context.canvas.height !== Math.round(size.height)) context.canvas.height = Math.round(size.height);
    drawTimeline(context, shown.value, { width: width.value, laneHeight }, marked.value?.bar);
  });
  const point = ({ offsetX, offsetY }: PointerEvent): void => {
    if (!timeline) return;
    const lane = Math.min(timeline.lanes.length - 1, Math.floor(offsetY / laneHeight));
    const bar = timeline.lanes[lane] && barAt(timeline.lanes[lane], xToTime(timeline, width.value, offsetX));
    marked.value = bar && { lane, bar };
  };
  const at = useComputed(() => marked.value).value;
  return (
    <div
      ref={host}
      class="timeline-canvas"
      role="group"
      tabindex={timeline ? 0 : -1}
      aria-label="Contributions of the last steps: move with the arrow keys"
      onKeyDown={(event) => timeline && move(event, timeline, marked)}
      onBlur={() => (marked.value = undefined)}
    >
      <canvas
        ref={canvas}
        style={{ height: `${height}px` }}
        aria-hidden="true"
        onPointerMove={point}
        onPointerLeave={() => (marked.value = undefined)}
      />
      {at && timeline && (
        <BarNote
          bar={at.bar}
          name={timeline.lanes[at.lane]?.name ?? ""}
          left={timeToX(timeline, width.value, (at.bar.spans.compute[0] + at.bar.endedAt) / 2)}
          top={(at.lane + 1) * laneHeight}
          width={width.value}
        />
      )}
    </div>
  );
}

/** Left and right from bar to bar, up and down from lane to lane. */
function move(event: KeyboardEvent, { lanes }: Laid, marked: { value: Marked | undefined }): void {
  const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
  if (event.key === "Escape") marked.value = undefined;
  if (across === 0 && down === 0) return;
  event.preventDefault();
  const now = marked.value;
  const lane = Math.min(lanes.length - 1, Math.max(0, (now?.lane ?? 0) + down));
  const { bars } = lanes[lane];
  if (bars.length === 0) return;
  const same = now ? bars.findIndex(({ step }) => step === now.bar.step) : bars.length - 1;
  const index = Math.min(bars.length - 1, Math.max(0, (same < 0 ? bars.length - 1 : same) + across));
  marked.value = { lane, bar: bars[index] };
}

function Legend() {
  return (
    <ul class="timeline-legend small quiet">
      {parts.map((part) => (
        <li key={part} class={`timeline-part ${part}`}>
          {part}
        </li>
      ))}
      <li class="timeline-part late">last of its step</li>
    </ul>
  );
}
