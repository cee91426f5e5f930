// How the run ended: what came out, where it is, and what to do if it went wrong.
import { useComputed } from "@preact/signals";
import { Copy } from "../shared/copy.tsx";
import { count, decimal, duration, metric } from "../shared/format.ts";
import { endingWords } from "./ending-words.ts";
import "./result.css";
import type { Run } from "./run.ts";

export function Result({ run }: { readonly run: Run }) {
  const view = useComputed(() => (run.view.value?.done ? run.view.value : undefined)).value;
  if (!view?.done) return null;
  const { done } = view;
  const { title, text, tone } = endingWords(view, done);
  return (
    <section class={`panel result ${tone}`} aria-labelledby="result" data-testid="result" data-outcome={done.outcome}>
      <div class="result-words">
        <h2 id="result">{title}</h2>
        <p class="quiet">{text}</p>
      </div>
      <dl class="result-facts">
        {Object.entries(done.metrics).map(([name, value]) => (
          <Fact key={name} name={name} value={metric(name, value)} />
        ))}
        {done.loss !== null && <Fact name="loss" value={Number.isFinite(done.loss) ? decimal(done.loss) : "not a number"} />}
        <Fact name="took" value={duration(done.seconds)} />
        <Fact name="samples/s" value={count(done.samplesPerSecond)} />
      </dl>
      <dl class="result-places">
        {done.checkpoint !== null && (
          <div>
            <dt class="quiet small">Checkpoint</dt>
            <dd>
              <code data-testid="checkpoint">{done.checkpoint}</code> <Copy text={done.checkpoint} what="the checkpoint's path" />
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

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt class="quiet small">{name}</dt>
      <dd class="number" data-testid={`result-${name.replace("/", "-per-")}`}>
        {value}
      </dd>
    </div>
  );
}
