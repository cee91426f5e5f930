// What the headline says of the newest evaluation and of who is there.
import type { RunView } from "@tabgrad/core";
import { count, decimal, metricText } from "../shared/format.ts";

export interface HeadlineResult {
  readonly name: string;
  readonly testId: string;
  readonly value: string;
  readonly note: string;
}

/** The first metric of the newest evaluation; its loss where there is no metric; the training's own where nothing is held back. */
export function headlineResult(view: RunView | undefined): HeadlineResult {
  if (!view?.start) return { name: "evaluation", testId: "evaluation", value: "–", note: "" };
  const name = view.start.metricNames[0] as string | undefined;
  const form = name === undefined ? undefined : view.start.metricForms?.[name];
  const evaluation = view.evaluations.at(-1);
  const testId = `evaluation-${name ?? "loss"}`;
  if (view.start.evaluationSamples === 0 && name !== undefined) {
    const value = view.newest?.metrics[name];
    const text = value === undefined ? "–" : metricText(value, form);
    return { name, testId: `training-${name}`, value: text, note: "of the newest batch; nothing is held back" };
  }
  if (!evaluation) return { name: name ?? "evaluation loss", testId, value: "–", note: "not evaluated yet" };
  const value = name === undefined ? decimal(evaluation.loss) : metricText(evaluation.metrics[name] ?? NaN, form);
  const note = `after step ${count(evaluation.step)} · ${count(evaluation.samples)} samples`;
  return { name: name ?? "evaluation loss", testId, value, note };
}

/** "2 tabs, 1 node · 1 paused" */
export function workersWords({ workers, departed }: Pick<RunView, "workers" | "departed">): string {
  const all = [...workers.values()];
  const hosts = [...new Set(all.map(({ host }) => host))].map(
    (host) => [host, all.filter((one) => one.host === host).length] as const,
  );
  const there = hosts.map(([host, number]) => `${number} ${host}${number === 1 ? "" : "s"}`).join(", ");
  const resting = (["background", "paused"] as const)
    .map((kind) => [kind, all.filter(({ availability }) => availability === kind).length] as const)
    .filter(([, number]) => number > 0)
    .map(([kind, number]) => `${number} ${kind === "paused" ? "paused" : "in the background"}`);
  const gone = departed.length > 0 ? [`${departed.length} left`] : [];
  return [there, ...resting, ...gone].filter(Boolean).join(" · ");
}
