// What to say before the first step: who is awaited, and what for.
import type { RunView } from "@tabgrad/core";
import { count } from "../shared/format.ts";

export function welcomeWords(view: RunView | undefined): { readonly title: string; readonly text: string } {
  const start = view?.start;
  if (!view || !start) return { title: "The run is being prepared.", text: "The dataset is read and the model is compiled." };
  const text =
    `${start.name}: ${count(start.parameters)} parameters to learn from ${count(start.trainSamples)} samples, ` +
    `in ${count(start.steps - start.step)} steps. It begins by itself.`;
  const waiting = view.decisions.map(({ reason }) => reason).findLast((reason) => reason.kind === "waiting");
  const needed = waiting?.needed ?? start.startWorkers ?? 1;
  if (view.workers.size < needed) {
    const title = needed === 1 ? "Waiting for the first worker." : `${view.workers.size} of ${needed} workers are here.`;
    return { title, text };
  }
  return { title: "The workers are here. It begins.", text };
}
