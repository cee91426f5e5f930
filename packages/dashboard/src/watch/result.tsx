// How the run ended: what came out, where it is, and what to do if it went wrong.
import { useComputed } from "@preact/signals";
import { Copy } from "../shared/copy.tsx";
import { count, decimal, metricText } from "../shared/format.ts";
import { Figure } from "./figure.tsx";
import { endingWords, measuredOn } from "./ending-words.ts";
import "./result.css";
import type { Run } from "./run.ts";

export function Result({ run }: { readonly run: Run }) {
  const view = useComputed(() => (run.view.value?.done ? run.view.value : undefined)).value;
  if (!view?.done) return null;
  const { done } = view;
  const { outcome } = done;
  const on = measuredOn(view, done);
  const { title, text, tone } = endingWords(view, done);
  return (
    <section class={`result ${tone}`} aria-labelledby="result" data-testid="result" data-outcome={outcome}>
      <div class="result-words">
        <h2 id="result" class="result-title">
          {title}
        </h2>
        <p class="quiet">{text}</p>
      </div>
      <div class="headline result-figures">
        {Object.entries(done.metrics).map(([name, value]) => (
          <Figure
            key={name}
            name={name}
            testId={`result-${name}`}
            value={metricText(value, view.start?.metricForms?.[name])}
            note={on}
            strong={outcome === "finished"}
          />
        ))}
        {done.loss !== null && (
          <Figure
            name="loss"
            testId="result-loss"
            value={Number.isFinite(done.loss) ? decimal(done.loss) : "not finite"}
            note={on}
          />
        )}
        <Figure name="samples" testId="result-samples" value={count(done.samples)} />
        <Figure name="samples/s" testId="result-samples-per-second" value={count(done.samplesPerSecond)} />
      </div>
      <dl class="result-places">
        {done.checkpoint !== null && (
          <div>
            <dt class="quiet small">Checkpoint</dt>
            <dd>
              <code data-testid="checkpoint">{done.checkpoint}</code> <Copy text={done.checkpoint} what="the checkpoint's path" />
            </dd>
          </div>
        )}
        {done.bestCheckpoint !== undefined && done.bestCheckpoint !== done.checkpoint && (
          <div>
            <dt class="quiet small">Best on held-out samples</dt>
            <dd>
              <code data-testid="best-checkpoint">{done.bestCheckpoint}</code>{" "}
              <Copy text={done.bestCheckpoint} what="the best checkpoint's path" />
            </dd>
          </div>
        )}
        {done.parametersSha256 !== "" && (
          <div>
            <dt class="quiet small">Parameters, SHA-256</dt>
            <dd>
              <code title={done.parametersSha256} data-testid="parameters-sha256" data-sha256={done.parametersSha256}>
                {done.parametersSha256.slice(0, 16)}…
              </code>{" "}
              <Copy text={done.parametersSha256} what="the hash of the parameters" />
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}
