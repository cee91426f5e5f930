// The curves' last values as a table: for screen readers, and for whoever wants to copy numbers.
import { useSignal } from "@preact/signals";
import { clock, count, decimal, plain } from "../../shared/format.ts";
import type { Run } from "../run.ts";

const rows = 12;

export function LastValues({ run }: { readonly run: Run }) {
  const open = useSignal(false);
  return (
    <details class="last-values" onToggle={({ currentTarget }) => (open.value = currentTarget.open)}>
      <summary>Last values as a table</summary>
      {open.value && <Table run={run} />}
    </details>
  );
}

function Table({ run }: { readonly run: Run }) {
  const view = run.view.value;
  if (!view) return null;
  const { series } = view;
  const points = Array.from({ length: Math.min(rows, series.length) }, (_, i) => series.length - 1 - i);
  return (
    <div class="scroller" tabindex={0} role="region" aria-label="Last values">
      <table class="last-values-table number">
        <thead>
          <tr>
            {["step", "time", "loss", "smoothed", "gradient norm", "learning rate", "samples/s"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map((i) => (
            <tr key={series.step[i]}>
              <th scope="row">{count(series.step[i])}</th>
              <td>{clock(series.time[i])}</td>
              <td>{decimal(series.loss[i])}</td>
              <td>{decimal(run.choices.loss.value[i])}</td>
              <td>{decimal(series.gradientNorm[i])}</td>
              <td>{plain(series.learningRate[i])}</td>
              <td>{count(series.samplesPerSecond[i])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {series.stride > 1 && <p class="small quiet">Each row is the mean of {series.stride} steps.</p>}
    </div>
  );
}
