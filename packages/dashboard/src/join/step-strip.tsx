// What this tab's time went into, step by step: one bar a step, the parts on top of each other.
import type { WorkerTimings } from "@tabgrad/core";
import { milliseconds } from "../shared/format.ts";
import type { OwnStep } from "./own-part.ts";
import "./step-strip.css";

/** From the bottom up, by what hurts least. */
const parts = [
  { key: "computeMs", word: "compute" },
  { key: "uploadMs", word: "upload" },
  { key: "fetchMs", word: "fetch" },
  { key: "waitMs", word: "wait" },
] as const satisfies readonly { readonly key: keyof WorkerTimings; readonly word: string }[];

const bars = 32;
const total = (timings: WorkerTimings): number => parts.reduce((sum, { key }) => sum + timings[key], 0);

export function StepStrip({ steps }: { readonly steps: readonly OwnStep[] }) {
  const most = Math.max(1, ...steps.map(({ timings }) => total(timings)));
  return (
    <figure class="step-strip">
      <figcaption>
        <h3>Your last steps</h3>
        <ul>
          {parts.map(({ key, word }) => (
            <li key={key} class={`small quiet step-strip-${word}`}>
              {word} <span class="number">{steps.length > 0 ? milliseconds(mean(steps, key)) : "–"}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <svg viewBox={`0 0 ${bars} 10`} preserveAspectRatio="none" aria-hidden="true">
        {steps.map(({ step, timings }, i) => (
          <Bar key={step} x={bars - steps.length + i} timings={timings} most={most} />
        ))}
      </svg>
    </figure>
  );
}

function Bar({ x, timings, most }: { readonly x: number; readonly timings: WorkerTimings; readonly most: number }) {
  let top = 10;
  return (
    <>
      {parts.map(({ key, word }) => {
        const height = (9.8 * timings[key]) / most;
        top -= height;
        return <rect key={key} class={`step-strip-${word}`} x={x + 0.12} y={top} width={0.76} height={height} />;
      })}
    </>
  );
}

const mean = (steps: readonly OwnStep[], key: keyof WorkerTimings): number =>
  steps.reduce((sum, { timings }) => sum + timings[key], 0) / steps.length;
