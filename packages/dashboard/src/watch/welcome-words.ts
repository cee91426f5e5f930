// What to say before the first step: who is awaited, and what for.
import type { RunView } from "@tabgrad/core";
import { count } from "../shared/format.ts";

export function welcomeWords(view: RunView | undefined): { readonly title: string; readonly text: string } {
  const start = view?.start;
  if (!view || !start) return { title: "The run is being prepared.", text: "The dataset is read and the model is compiled." };
  const text =
    `${start.name}: ${count(start.parameters)} parameters to learn from ${count(start.trainSamples)} samples, ` +
    `in ${count(start.steps - start.step)} steps. It begins by itself.`;
  const needed = view.decisions
    .map(({ reason }) => reason)
    .filter((reason) => reason.kind === "waiting")
    .at(-1)?.needed;
  if (view.workers.size === 0) return { title: "Waiting for the first worker.", text };
  if (needed !== undefined && view.workers.size < needed)
    return { title: `${view.workers.size} of ${needed} workers are here.`, text };
  return { title: "The workers are here. It begins.", text };
}
