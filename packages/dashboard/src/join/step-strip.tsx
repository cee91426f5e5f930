// What this tab's time went into, step by step: one bar a step, the parts on top of each other.
import type { WorkerTimings } from "@tabgrad/core";
import { milliseconds } from "../shared/format.ts";
import type { OwnStep } from "./own-part.ts";
import { quantile } from "./quantile.ts";
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

/** The height of the strip, in milliseconds: what nearly all steps took, so that a slow first one does not flatten the others. */
function scaleOf(steps: readonly OwnStep[]): number {
  return Math.max(
    1,
    1.25 *
      quantile(
        steps.map(({ timings }) => total(timings)),
        0.85,
      ),
  );
}

export function StepStrip({ steps }: { readonly steps: readonly OwnStep[] }) {
  const most = scaleOf(steps);
  return (
    <figure class="step-strip">
      <figcaption>
        <h3>Your last steps</h3>
        <ul>
          {parts.map(({ key, word }) => (
            <li key={key} class={`small quiet step-strip-${word}`}>
              {word}{" "}
              <span class="number">
                {steps.length > 0
                  ? milliseconds(
                      quantile(
                        steps.map(({ timings }) => timings[key]),
                        0.5,
                      ),
                    )
                  : "–"}
              </span>
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
        const height = Math.min(top, (10 * timings[key]) / most);
        top -= height;
        return <rect key={key} class={`step-strip-${word}`} x={x + 0.12} y={top} width={0.76} height={height} />;
      })}
    </>
  );
}
