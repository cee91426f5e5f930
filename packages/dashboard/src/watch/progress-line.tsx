// How far the run is: one line across the page, whose head beats with the steps.
import { useComputed, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { count, duration, percent } from "../shared/format.ts";
import { isOver } from "./phase-words.ts";
import "./progress-line.css";
import { progressOf } from "./progress-of.ts";
import type { Run } from "./run.ts";

export function ProgressLine({ run }: { readonly run: Run }) {
  const { step, steps, fraction, epoch, epochs, elapsedSeconds, leftSeconds } = useComputed(() =>
    progressOf(run.view.value, run.now.value),
  ).value;
  const phase = useComputed(() => run.view.value?.phase).value;
  const known = !Number.isNaN(leftSeconds) && run.feed.state.value === "open";
  return (
    <section class={`progress-line ${phase ?? ""}`} aria-label="Progress" data-testid="progress">
      <dl class="progress-line-facts">
        <Fact name="step">
          <span data-testid="step">{steps > 0 ? count(step) : "–"}</span>
          <span class="quiet"> of {steps > 0 ? count(steps) : "–"}</span>
        </Fact>
        <Fact name="epoch">
          {epoch === undefined ? "–" : count(epoch)}
          <span class="quiet"> of {epochs === undefined ? "–" : count(epochs)}</span>
        </Fact>
        <Fact name={isOver(phase) ? "took" : "elapsed"}>
          <span data-testid="elapsed">{duration(elapsedSeconds)}</span>
        </Fact>
        {!isOver(phase) && (
          <Fact name="left">
            <span data-testid="time-left">{known ? `about ${duration(leftSeconds)}` : "–"}</span>
          </Fact>
        )}
      </dl>
      <div
        class="progress-line-track"
        role="progressbar"
        aria-label="Steps taken"
        aria-valuemin={0}
        aria-valuemax={steps}
        aria-valuenow={step}
        aria-valuetext={`${percent(fraction, 0)}, step ${step} of ${steps}`}
      >
        <div class="progress-line-done" style={{ width: `${100 * fraction}%` }}>
          <Heart run={run} />
        </div>
      </div>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div class="progress-line-fact">
      <dt class="quiet">{name}</dt>
      <dd class="number">{children}</dd>
    </div>
  );
}

const beatMs = 700;

/** A beat for a step; while steps come faster than a heart can beat, it beats on. */
function Heart({ run }: { readonly run: Run }) {
  const element = useRef<HTMLSpanElement>(null);
  const beating = useRef<Animation | undefined>(undefined);
  const step = useComputed(() => run.view.value?.newest?.step);
  useSignalEffect(() => {
    if (step.value === undefined || beating.current?.playState === "running") return;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    beating.current = element.current?.animate(
      [
        { transform: "scale(1)", opacity: 0.55 },
        { transform: "scale(3.2)", opacity: 0 },
      ],
      { duration: beatMs, easing: "cubic-bezier(0.2, 0.6, 0.3, 1)" },
    );
  });
  return (
    <span class="progress-line-head">
      <span class="progress-line-beat" ref={element} />
    </span>
  );
}
