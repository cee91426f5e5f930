// What happened and why, newest first. Not announced by screen readers as it comes: at ten steps a second that would be noise.
import { useComputed } from "@preact/signals";
import { clock, count } from "../../shared/format.ts";
import { Panel } from "../../shared/panel.tsx";
import type { Run } from "../run.ts";
import "./decisions.css";
import { entriesOf } from "./entries.ts";

const shown = 120;

export function Decisions({ run }: { readonly run: Run }) {
  // Steps alone change none of these lists.
  const start = useComputed(() => run.view.value?.start);
  const decisions = useComputed(() => run.view.value?.decisions);
  const evaluations = useComputed(() => run.view.value?.evaluations);
  const checkpoints = useComputed(() => run.view.value?.checkpoints);
  const entries = useComputed(() =>
    decisions.value && evaluations.value && checkpoints.value
      ? entriesOf(
          { start: start.value, decisions: decisions.value, evaluations: evaluations.value, checkpoints: checkpoints.value },
          shown,
        )
      : [],
  ).value;
  return (
    <Panel title="What the coordinator decides" id="decisions">
      {entries.length === 0 && <p class="quiet small">Nothing yet.</p>}
      <div
        class="decisions-scroller scroller"
        role="log"
        aria-live="off"
        aria-labelledby="decisions"
        tabindex={0}
        data-testid="decisions"
      >
        <ol>
          {entries.map(({ kind, time, step, text }, i) => (
            <li key={`${time} ${kind} ${text} ${i > 0 && entries[i - 1].text === text ? i : ""}`} class={`decisions-entry ${kind}`}>
              <p>{text}</p>
              <p class="decisions-when faint number">
                <time dateTime={new Date(time).toISOString()}>{clock(time)}</time> · step {count(step)}
              </p>
            </li>
          ))}
        </ol>
      </div>
    </Panel>
  );
}
