// How the values of one tensor are spread: its weights, and their gradients.
import type { Histogram, TensorHistograms } from "@tabgrad/core";
import { decimal } from "../../shared/format.ts";
import { outline } from "./outline.ts";

export function HistogramRow({ tensor: { name, shape, weights, gradients } }: { readonly tensor: TensorHistograms }) {
  return (
    <li class="histogram-row" data-testid="histograms" data-tensor={name}>
      <p class="histogram-row-name small">
        {name} <span class="faint number">{shape.join(" × ")}</span>
      </p>
      <Spread kind="weights" histogram={weights} />
      <Spread kind="gradients" histogram={gradients} />
    </li>
  );
}

function Spread({ kind, histogram }: { readonly kind: "weights" | "gradients"; readonly histogram: Histogram }) {
  const { least, most, mean, deviation } = histogram;
  const words = `${kind} from ${decimal(least)} to ${decimal(most)}, mean ${decimal(mean)}, standard deviation ${decimal(deviation)}`;
  return (
    <figure class={`spread ${kind}`}>
      <svg viewBox="0 0 100 36" preserveAspectRatio="none" role="img" aria-label={words}>
        <title>{words}</title>
        <path d={outline(histogram.counts, 100, 36)} />
      </svg>
      <figcaption class="faint number" aria-hidden="true">
        <span>{decimal(least)}</span>
        <span>{decimal(most)}</span>
      </figcaption>
    </figure>
  );
}
