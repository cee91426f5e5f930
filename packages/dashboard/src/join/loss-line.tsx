// The loss of the whole run so far, small: that it falls is what everybody here is working for.
import type { Series } from "@tabgrad/core";
import { decimal } from "../shared/format.ts";
import { linePath } from "./line-path.ts";
import "./loss-line.css";

const points = 120;

/** @param step redraws: the series is the same object all the time */
export function LossLine({ series, step }: { readonly series: Series; readonly step: number }) {
  const path = linePath(series.loss.subarray(0, series.length), points);
  const first = series.length > 0 ? decimal(series.loss[0]) : "–";
  return (
    <figure class="loss-line" data-step={step}>
      <figcaption>
        <h3>Loss of the run</h3>
        <span class="small quiet">
          began at <span class="number">{first}</span>
        </span>
      </figcaption>
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
        <path d={path} />
      </svg>
    </figure>
  );
}
