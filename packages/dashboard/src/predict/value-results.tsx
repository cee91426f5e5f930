// How close the model comes to values: predicted against true as dots, and the samples it is furthest from.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { count, percent } from "../shared/format.ts";
import { fitOf, type ValueAssessment } from "./assess.ts";
import type { Opened } from "./messages.ts";
import { scatterOf, side } from "./scatter-path.ts";
import { statisticsOf, tidy, traitsOf } from "./table.ts";
import { Traits } from "./traits.tsx";
import { ValueCanvas } from "./value-canvas.tsx";
import { featuresOf } from "./samples.ts";
import "./value-results.css";

export interface ValueResultsProps {
  readonly opened: Opened;
  readonly assessment: ValueAssessment;
  readonly children: ComponentChildren;
}

const worst = 8;

export function ValueResults({ opened, assessment, children }: ValueResultsProps) {
  const which = useSignal(0);
  const { names = [] } = opened.dataset.labels;
  const { error, explained } = fitOf(assessment, which.value);
  return (
    <div class={`predictions-body values${children ? "" : " padless"}`}>
      <div class="value-fit">
        <div class="predictions-summary">
          <p>
            <b class="predictions-accuracy number">{tidy(error)}</b>{" "}
            <span class="quiet">off on average, over {count(assessment.count)} held-out samples</span>
          </p>
          {assessment.width > 1 && (
            <select
              class="field"
              aria-label="Which value"
              onChange={({ currentTarget }) => (which.value = Number(currentTarget.value))}
            >
              {Array.from({ length: assessment.width }, (_, i) => (
                <option key={i} value={i}>
                  {names[i] ?? `value ${i + 1}`}
                </option>
              ))}
            </select>
          )}
        </div>
        <ScatterPlot {...{ assessment }} which={which.value} name={names[which.value] ?? "value"} />
        <p class="small quiet">
          {Number.isFinite(explained) ? `${percent(Math.max(0, explained), 1)} of the values' variance is explained.` : ""}
        </p>
      </div>
      {children}
      <Worst {...{ opened, assessment }} which={which.value} />
    </div>
  );
}

interface ScatterProps {
  readonly assessment: ValueAssessment;
  readonly which: number;
  readonly name: string;
}

function ScatterPlot({ assessment, which, name }: ScatterProps) {
  const { least, most, path } = useMemo(() => scatterOf(assessment, which), [assessment, which]);
  const words = `${name}: predicted against true for ${assessment.count} samples, both from ${tidy(least)} to ${tidy(most)}`;
  return (
    <figure class="scatter">
      <span class="scatter-up faint small" aria-hidden>
        predicted ↑
      </span>
      <svg viewBox={`0 0 ${side} ${side}`} role="img" aria-label={words}>
        <path class="scatter-equal" d={`M0 ${side}L${side} 0`} />
        <path class="scatter-dots" d={path} />
      </svg>
      <figcaption class="faint small number">
        <span>{tidy(least)}</span>
        <span>true {name} →</span>
        <span>{tidy(most)}</span>
      </figcaption>
    </figure>
  );
}

function Worst({ opened, assessment, which }: Omit<ValueResultsProps, "children"> & { readonly which: number }) {
  const statistics = useMemo(() => (opened.image ? undefined : statisticsOf(opened.samples)), [opened]);
  const { width, truth, predicted } = assessment;
  return (
    <section class="value-worst" aria-labelledby="worst-title">
      <h3 id="worst-title">Furthest off</h3>
      <ol>
        {assessment.order.slice(0, worst).map((sample) => {
          const at = sample * width + which;
          const off = predicted[at] - truth[at];
          return (
            <li key={sample} data-testid="prediction-sample" data-true={truth[at]} data-predicted={predicted[at]}>
              {opened.image && (
                <ValueCanvas values={featuresOf(opened.samples, sample)} image={opened.image} range={opened.range} />
              )}
              <p>
                <span class="faint">true</span> <b class="number">{tidy(truth[at])}</b> <span class="faint">predicted</span>{" "}
                <b class="number wrong">{tidy(predicted[at])}</b>{" "}
                <span class="number faint">
                  {off > 0 ? "+" : "−"}
                  {tidy(Math.abs(off))}
                </span>
              </p>
              {statistics && <Traits traits={traitsOf(opened.samples, sample, opened.dataset.features, statistics, 4)} />}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
