// One chart: its title, the values at the cursor, and the curves, which the arrow keys can be moved along.
import { useComputed, useSignal, useSignalEffect, type ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { themeChanges } from "../../shared/token-color.ts";
import type { Run } from "../run.ts";
import { isSeen } from "../sightings.ts";
import { extent, nearest } from "./axis.ts";
import "./chart.css";
import { Plot } from "./plot.ts";
import { readout, type Reading } from "./readout.ts";
import type { CurveData, CurveSpec } from "./specs.ts";

export interface ChartProps {
  readonly run: Run;
  readonly spec: CurveSpec;
  readonly class?: string;
}

export function Chart({ run, spec, class: extra = "" }: ChartProps) {
  const { choices, view } = run;
  const log = useSignal(false);
  const data = useComputed(() => view.value && spec.read(view.value, choices.against.value, choices.smoothing.value));
  const reading = useComputed(() => data.value && readout(spec, data.value, choices.cursor.value, choices.against.value));
  const empty = !data.value || data.value.x.length === 0;
  return (
    <figure class={`chart ${extra}`} data-testid={`chart-${spec.id}`}>
      <figcaption class="chart-caption">
        <h3 class="chart-title">{spec.title}</h3>
        {spec.canLog && (
          <button
            type="button"
            class="chart-log"
            aria-pressed={log.value}
            aria-label={`log axis: ${spec.title}`}
            onClick={() => (log.value = !log.value)}
          >
            log
          </button>
        )}
        <Values reading={reading.value} spec={spec} />
      </figcaption>
      <div
        class={`chart-frame ${empty ? "empty" : ""}`}
        role="slider"
        tabindex={0}
        aria-label={`${spec.title}: move along the curve with the arrow keys`}
        aria-valuenow={choices.cursor.value ?? 0}
        aria-valuetext={reading.value?.spoken ?? spec.empty}
        onKeyDown={(event) => moveCursor(event, run, data.value?.x)}
        onBlur={() => (choices.cursor.value = undefined)}
      >
        <Canvas key={String(log.value)} run={run} spec={spec} data={data} log={log.value} />
        {empty && <p class="chart-empty">{spec.empty}</p>}
      </div>
    </figure>
  );
}

function Values({ reading, spec }: { readonly reading: Reading | undefined; readonly spec: CurveSpec }) {
  return (
    <p class="chart-values number">
      {reading?.values.map(({ name, text }) => (
        <span key={name} class={`chart-value chart-value-${name || "only"}`}>
          {name && <span class="chart-value-name">{name}</span>} {text}
        </span>
      ))}
      {!reading && spec.names.length > 0 && <span class="chart-value">–</span>}
    </p>
  );
}

interface CanvasProps {
  readonly run: Run;
  readonly spec: CurveSpec;
  readonly data: ReadonlySignal<CurveData | undefined>;
  readonly log: boolean;
}

function Canvas({ run: { choices }, spec, data, log }: CanvasProps) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useSignal<Plot | undefined>(undefined);
  const seen = useSignal(false);

  useLayoutEffect(() => {
    const host = element.current!;
    const made = new Plot(host, {
      styles: spec.styles,
      log,
      against: () => choices.against.peek(),
      pointed: (x) => (choices.cursor.value = x),
      zoomed: (range) => (choices.zoom.value = range),
    });
    plot.value = made;
    const sizes = new ResizeObserver(() => made.resize(host.clientWidth, host.clientHeight));
    sizes.observe(host);
    const sights = new IntersectionObserver((sightings) => (seen.value = isSeen(sightings)), { rootMargin: "100px" });
    sights.observe(host);
    return () => {
      sizes.disconnect();
      sights.disconnect();
      made.destroy();
    };
  }, [spec, log]);

  // What is out of sight is not drawn.
  useSignalEffect(() => {
    if (!plot.value || !seen.value || !data.value) return;
    const { x, curves, marks } = data.value;
    const xRange = choices.range.value;
    const lines = curves.map((y) => [x, y] as const);
    const yRange = extent(marks ? [...lines, [marks.x, marks.y]] : lines, xRange, log);
    const from = spec.fromZero && yRange ? Math.min(0, yRange[0]) : yRange?.[0];
    plot.value.draw({ ...data.value, xRange, yRange: [from ?? 0.1, yRange?.[1] ?? 1] });
    plot.value.point(choices.cursor.peek());
  });
  useSignalEffect(() => plot.value?.point(choices.cursor.value));
  useSignalEffect(() => {
    themeChanges.value satisfies number;
    plot.value?.recolor();
  });
  return <div class="chart-canvas" ref={element} />;
}

/** Steps of the keyboard, in points of the curve. */
const strides: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageDown: -20,
  PageUp: 20,
  Home: -Infinity,
  End: Infinity,
};

function moveCursor(event: KeyboardEvent, { choices }: Run, x: Float64Array | undefined): void {
  if (event.key === "Escape") {
    choices.cursor.value = undefined;
    choices.zoom.value = undefined;
    return;
  }
  const stride = strides[event.key];
  if (stride === undefined || !x || x.length === 0) return;
  event.preventDefault();
  const at = choices.cursor.value === undefined ? x.length - 1 : nearest(x, choices.cursor.value) + stride;
  choices.cursor.value = x[Math.min(x.length - 1, Math.max(0, at))];
}
