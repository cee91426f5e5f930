// All curves of a run under one set of choices: against what, how smooth, how near.
import { useComputed } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { Panel } from "../../shared/panel.tsx";
import type { Run } from "../run.ts";
import { Chart } from "./chart.tsx";
import "./curves.css";
import { nearest, seriesX } from "./axis.ts";
import { placeOf } from "./readout.ts";
import { smoothings } from "./smoothing.ts";
import { lossSpec, measureSpecs, metricSpec } from "./specs.ts";
import { LastValues } from "./last-values.tsx";
import { StandingList } from "./standing-list.tsx";

export function Curves({ run }: { readonly run: Run }) {
  const start = useComputed(() => run.view.value?.start).value;
  // One and the same specification as long as the run is the same: a chart is built anew for another.
  const metrics = useMemo(
    () =>
      start
        ? start.metricNames.map((name) => metricSpec(name, start.metricForms?.[name], start.evaluationSamples > 0))
        : [pendingMetric],
    [start],
  );
  return (
    <Panel title="Curves" id="curves" aside={<Toolbar run={run} />} class="curves">
      <Chart run={run} spec={lossSpec} class="curves-large" />
      <div class="curves-small">
        {[...metrics, ...measureSpecs].map((spec) => (
          <Chart key={spec.id} run={run} spec={spec} />
        ))}
      </div>
      <StandingList run={run} />
      <LastValues run={run} />
    </Panel>
  );
}

/** Keeps the place while the run is not known yet. */
const pendingMetric = metricSpec("metric", undefined, true);

function Toolbar({ run }: { readonly run: Run }) {
  const { choices } = run;
  const against = choices.against.value;
  return (
    <div class="curves-toolbar">
      <CursorPlace run={run} />
      {choices.zoom.value && (
        <button type="button" class="curves-reset" data-testid="reset-zoom" onClick={() => (choices.zoom.value = undefined)}>
          reset zoom
        </button>
      )}
      <Smoothing run={run} />
      <div class="curves-against" role="group" aria-label="Draw against">
        {(["step", "time"] as const).map((choice) => (
          <button
            key={choice}
            type="button"
            data-testid={`against-${choice}`}
            aria-pressed={against === choice}
            onClick={() => choices.compareBy(choice)}
          >
            {choice}
          </button>
        ))}
      </div>
    </div>
  );
}

/** Which point the values belong to, while somebody points. */
function CursorPlace({ run }: { readonly run: Run }) {
  const { choices, view } = run;
  const place = useComputed(() => {
    const [cursor, against] = [choices.cursor.value, choices.against.value];
    if (cursor === undefined || !view.value || view.value.series.length === 0) return "";
    const x = seriesX(view.value, against);
    return placeOf(x[nearest(x, cursor)], against);
  }).value;
  return <span class="curves-place number">{place}</span>;
}

function Smoothing({ run: { choices } }: { readonly run: Run }) {
  const seconds = choices.smoothing.value;
  const index = smoothings.indexOf(seconds as (typeof smoothings)[number]);
  const words = seconds === 0 ? "off" : `${seconds} s`;
  return (
    <label class="curves-smoothing" title="The loss is averaged over time: a step this long ago weighs 1/e.">
      <span>
        smoothing <output class="number">{words}</output>
      </span>
      <input
        type="range"
        data-testid="smoothing"
        min={0}
        max={smoothings.length - 1}
        value={index}
        aria-valuetext={seconds === 0 ? "none" : `over ${seconds} seconds`}
        onInput={({ currentTarget }) => (choices.chosenSmoothing.value = smoothings[Number(currentTarget.value)])}
      />
    </label>
  );
}
