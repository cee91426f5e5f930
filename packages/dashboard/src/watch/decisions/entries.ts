// What happened in a run, as one list of sentences: decisions with their reasons, evaluations, checkpoints.
import { sentence, type RunView } from "@tabgrad/core";
import { bytes, decimal, metricText, milliseconds } from "../../shared/format.ts";

export interface Entry {
  readonly kind: "decision" | "evaluation" | "checkpoint" | "trouble";
  readonly time: number;
  readonly step: number;
  readonly text: string;
}

/** What a person should notice. */
const troubles = new Set(["left", "failed", "dismissed", "discarded", "refused", "quarantined", "dropped"]);

export type EntrySources = Pick<RunView, "start" | "decisions" | "evaluations" | "checkpoints">;

/** The newest first. @param bound how many at most */
export function entriesOf(view: EntrySources, bound: number): Entry[] {
  const forms = view.start?.metricForms ?? {};
  const decisions = view.decisions.slice(-bound).map(({ time, step, reason }): Entry => ({
    kind: troubles.has(reason.kind) ? "trouble" : "decision",
    time,
    step,
    text: sentence(reason),
  }));
  const evaluations = view.evaluations.slice(-bound).map(({ time, step, loss, metrics }): Entry => {
    const results = Object.entries(metrics).map(([name, value]) => `, ${name} ${metricText(value, forms[name])}`);
    return { kind: "evaluation", time, step, text: `Evaluated after step ${step}: loss ${decimal(loss)}${results.join("")}.` };
  });
  const checkpoints = view.checkpoints.slice(-bound).map(({ time, step, bytes: size, milliseconds: took }): Entry => ({
    kind: "checkpoint",
    time,
    step,
    text: `Checkpoint of step ${step} written: ${bytes(size)} in ${milliseconds(took)}.`,
  }));
  // Equal times keep the order in which they are listed: a stable sort of newest-first lists.
  return [...checkpoints.reverse(), ...evaluations.reverse(), ...decisions.reverse()]
    .sort((a, b) => b.time - a.time)
    .slice(0, bound);
}
