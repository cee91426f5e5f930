// The model as data: its layers, and how weights and gradients are spread. The coordinator counts them only while somebody looks.
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count } from "../../shared/format.ts";
import { Panel } from "../../shared/panel.tsx";
import type { Run } from "../run.ts";
import { isSeen } from "../sightings.ts";
import { HistogramRow } from "./histogram-row.tsx";
import "./model.css";

export function Model({ run }: { readonly run: Run }) {
  const start = useComputed(() => run.view.value?.start).value;
  return (
    <Panel
      title="Model"
      id="model"
      aside={<p class="quiet small number">{start ? `${count(start.parameters)} parameters` : ""}</p>}
    >
      <table class="model-layers">
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col">Output</th>
            <th scope="col">Parameters</th>
          </tr>
        </thead>
        <tbody>
          {start?.layers.map(({ layer, shape, parameters }) => (
            <tr key={layer} data-testid="layer">
              <th scope="row">{layer}</th>
              <td class="number">{shape.length > 0 ? shape.join(" × ") : "1"}</td>
              <td class="number">{parameters > 0 ? count(parameters) : <span class="faint">0</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Distributions run={run} />
    </Panel>
  );
}

function Distributions({ run: { feed } }: { readonly run: Run }) {
  const place = useRef<HTMLDetailsElement>(null);
  const open = useSignal(false);
  const seen = useSignal(false);
  const awake = useSignal(!document.hidden);
  useEffect(() => {
    const sights = new IntersectionObserver((sightings) => (seen.value = isSeen(sightings)));
    sights.observe(place.current!);
    const turned = (): void => void (awake.value = !document.hidden);
    document.addEventListener("visibilitychange", turned);
    return () => {
      sights.disconnect();
      document.removeEventListener("visibilitychange", turned);
      feed.look(false);
    };
  }, [feed]);
  useSignalEffect(() => feed.look(open.value && seen.value && awake.value));
  const histograms = feed.histograms.value;
  return (
    <details
      class="distributions"
      ref={place}
      data-testid="distributions"
      onToggle={({ currentTarget }) => (open.value = currentTarget.open)}
    >
      <summary>Weights and gradients</summary>
      {open.value && !histograms && <p class="quiet small">They come with one of the next steps.</p>}
      {open.value && histograms && (
        <>
          <p class="distributions-legend faint small">
            After step {count(histograms.step)}. <span class="weights">Weights</span>, and the newest step's{" "}
            <span class="gradients">gradients</span>.
          </p>
          <ul>
            {histograms.tensors.map((tensor) => (
              <HistogramRow key={tensor.name} tensor={tensor} />
            ))}
          </ul>
        </>
      )}
    </details>
  );
}
