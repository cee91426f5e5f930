// The four numbers that a glance is for.
import { useComputed } from "@preact/signals";
import type { RunView } from "@tabgrad/core";
import { brief, count, decimal } from "../shared/format.ts";
import { headlineResult, workersWords } from "./headline-words.ts";
import { Figure } from "./figure.tsx";
import "./headline.css";
import type { Run } from "./run.ts";

export function Headline({ run }: { readonly run: Run }) {
  const view = run.view.value;
  const smoothing = run.choices.smoothing.value;
  const loss = useComputed(() => run.choices.loss.value.at(-1)).value;
  const result = headlineResult(view);
  const moving = view?.phase === "running" && run.feed.state.value === "open";
  const speed = moving && view.newest ? view.newest.samplesPerSecond : undefined;
  return (
    <section class="headline" aria-label="Now">
      <Figure
        name="loss"
        testId="loss"
        value={loss === undefined ? "–" : decimal(loss)}
        note={view?.newest ? `raw ${decimal(view.newest.loss)}${smoothing > 0 ? ` · smoothed over ${smoothing} s` : ""}` : ""}
        strong
      />
      <Figure name={result.name} testId={result.testId} value={result.value} note={result.note} />
      <Figure
        name="samples/s"
        testId="samples-per-second"
        value={speed === undefined ? "–" : speed >= 1e5 ? brief(speed) : count(speed)}
        note={speed === undefined ? "" : stepPace(view!, speed)}
      />
      <Figure name="workers" testId="workers" value={view ? count(view.workers.size) : "–"} note={view ? workersWords(view) : ""} />
    </section>
  );
}

function stepPace({ newest }: RunView, speed: number): string {
  const pace = speed / newest!.samples;
  return pace >= 1 ? `${pace.toPrecision(2)} steps a second` : `a step in ${(1 / pace).toPrecision(2)} s`;
}
