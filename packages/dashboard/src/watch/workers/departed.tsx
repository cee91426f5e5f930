// Those who were here: when they left, and why.
import { useComputed } from "@preact/signals";
import { clock, count } from "../../shared/format.ts";
import { workerColor } from "../../shared/worker-color.ts";
import type { Run } from "../run.ts";

export function Departed({ run }: { readonly run: Run }) {
  const departed = useComputed(() => run.view.value?.departed ?? []).value;
  if (departed.length === 0) return null;
  return (
    <details class="departed" data-testid="departed">
      <summary>
        {count(departed.length)} {departed.length === 1 ? "worker" : "workers"} left
      </summary>
      <ul class="departed-list scroller" tabindex={departed.length > 6 ? 0 : -1}>
        {departed
          .map(({ id, name, leftAt, leftWhy, samples }) => (
            <li key={`${id} ${leftAt}`} class="departed-worker" data-testid="departed-worker" data-worker={id}>
              <span class="workers-dot" style={{ background: workerColor(id) }} aria-hidden="true" />
              <span>
                <strong>{name}</strong> <span class="quiet">{leftWhy || "said nothing"}</span>
              </span>
              <span class="departed-when faint number">
                {count(samples)} samples · <time dateTime={new Date(leftAt).toISOString()}>{clock(leftAt)}</time>
              </span>
            </li>
          ))
          .reverse()}
      </ul>
    </details>
  );
}
