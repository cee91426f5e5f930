// One set of curves on uPlot, given new data as often as there is some. What is drawn is decided elsewhere; here is only how.
import "./language.ts";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Against, Range } from "./axis.ts";
import { stepIncrements, timeIncrements, xLabel, yLabel } from "./ticks.ts";
import { token, type TokenName } from "../../shared/token-color.ts";

export type Stroke = "strong" | "faint" | "plain" | "points";

export interface CurveStyle {
  readonly color: TokenName;
  readonly stroke: Stroke;
}

export interface PlotData {
  /** Rising. */
  readonly x: Float64Array;
  /** As many as there are styles, each as long as `x`. */
  readonly curves: readonly ArrayLike<number>[];
  /** Points with an x of their own. */
  readonly marks?: { readonly x: Float64Array; readonly y: Float64Array };
  readonly xRange: Range;
  readonly yRange: Range;
}

export interface PlotOptions {
  readonly styles: readonly CurveStyle[];
  readonly log: boolean;
  /** Read when axes are drawn. */
  readonly against: () => Against;
  /** A pointer is at this x, or nowhere. */
  readonly pointed: (x: number | undefined) => void;
  readonly zoomed: (range: Range | undefined) => void;
}

const font = '12px ui-monospace, "SF Mono", "Cascadia Code", Menlo, Consolas, monospace';
const shortestDragPx = 6;

export class Plot {
  readonly #plot: UPlot;
  readonly #options: PlotOptions;
  #data: PlotData | undefined;

  constructor(element: HTMLElement, options: PlotOptions) {
    this.#options = options;
    const size = { width: Math.max(1, element.clientWidth), height: Math.max(1, element.clientHeight) };
    this.#plot = new UPlot(this.#settings(size), [[], ...options.styles.map(() => [])] as unknown as UPlot.AlignedData, element);
    const { over } = this.#plot;
    over.addEventListener("pointermove", ({ offsetX }) => this.#data && options.pointed(this.#plot.posToVal(offsetX, "x")));
    over.addEventListener("pointerleave", () => options.pointed(undefined));
    over.addEventListener("dblclick", () => options.zoomed(undefined));
  }

  draw(data: PlotData): void {
    this.#data = data;
    this.#plot.batch(() => {
      this.#plot.setData([data.x, ...data.curves] as unknown as UPlot.AlignedData, false);
      this.#plot.setScale("x", { min: data.xRange[0], max: data.xRange[1] });
    });
  }

  /** Puts the cursor at an x, or away. */
  point(x: number | undefined): void {
    const left = x === undefined ? -10 : this.#plot.valToPos(x, "x");
    this.#plot.setCursor({ left, top: 0 }, false);
  }

  resize(width: number, height: number): void {
    if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  /** After a change of the theme. */
  recolor(): void {
    this.#plot.redraw(false);
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #settings(size: { width: number; height: number }): UPlot.Options {
    const { styles, log, against, zoomed } = this.#options;
    const ink = (): string => token("--ink-faint");
    const grid = { stroke: () => token("--line"), width: 1 };
    return {
      ...size,
      padding: [8, 22, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false },
        y: { distr: log ? 3 : 1, range: () => [...(this.#data?.yRange ?? [0.1, 1])] },
      },
      axes: [
        {
          font,
          stroke: ink,
          grid: { show: false },
          ticks: { stroke: grid.stroke, width: 1, size: 5 },
          size: 30,
          gap: 5,
          space: 72,
          incrs: () => (against() === "time" ? timeIncrements : stepIncrements),
          values: (_, ticks) => ticks.map((tick) => xLabel(tick, against())),
        },
        {
          font,
          stroke: ink,
          grid,
          ticks: { show: false },
          size: 58,
          gap: 8,
          space: 34,
          values: (_, ticks) => yLabel(ticks),
        },
      ],
      series: [{}, ...styles.map((style) => seriesSettings(style))],
      cursor: {
        y: false,
        drag: { x: true, y: false, setScale: false, dist: shortestDragPx },
        points: { size: 7, width: 2, stroke: () => token("--panel"), fill: (_, i) => token(styles[i - 1].color) },
      },
      hooks: {
        draw: [(plot) => this.#drawMarks(plot)],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select;
            if (width < shortestDragPx) return;
            zoomed([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    };
  }

  #drawMarks(plot: UPlot): void {
    const marks = this.#data?.marks;
    if (!marks || !this.#data) return;
    const { ctx, bbox } = plot;
    const radius = 3.5 * devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - radius, bbox.top - radius, bbox.width + 2 * radius, bbox.height + 2 * radius);
    ctx.clip();
    ctx.lineWidth = 1.75 * devicePixelRatio;
    ctx.fillStyle = token("--panel");
    ctx.strokeStyle = token("--ink");
    marks.x.forEach((x, i) => {
      if (x < this.#data!.xRange[0] || x > this.#data!.xRange[1] || !Number.isFinite(marks.y[i])) return;
      ctx.beginPath();
      ctx.arc(plot.valToPos(x, "x", true), plot.valToPos(marks.y[i], "y", true), radius, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    });
    ctx.restore();
  }
}

function seriesSettings({ color, stroke }: CurveStyle): UPlot.Series {
  const paint = () => token(color);
  switch (stroke) {
    case "strong":
      return { stroke: paint, width: 2, points: { show: false } };
    case "plain":
      return { stroke: paint, width: 1.5, points: { show: false } };
    case "faint":
      return { stroke: paint, width: 1, alpha: 0.34, points: { show: false } };
    case "points":
      return { stroke: paint, width: 1.5, points: { show: true, size: 7, width: 1.5, fill: () => token("--panel") } };
    default:
      return stroke satisfies never;
  }
}
