// What to say of a run that is over.
import type { DoneEvent, RunView } from "@tabgrad/core";
import { count, duration } from "../shared/format.ts";

export interface EndingWords {
  readonly title: string;
  readonly text: string;
  readonly tone: "good" | "" | "bad";
}

export function endingWords({ start, checkpoints }: Pick<RunView, "start" | "checkpoints">, done: DoneEvent): EndingWords {
  const { step, outcome, why = "" } = done;
  switch (outcome) {
    case "finished":
      return {
        title: `Finished in ${duration(done.seconds)}`,
        text: `${count(step)} steps. What came out does not depend on who took part.`,
        tone: "good",
      };
    case "stopped":
      return {
        title: `Stopped after step ${count(step)}${start ? ` of ${count(start.steps)}` : ""}`,
        text: joined(why, done.checkpoint === null ? "" : "It can go on from its checkpoint."),
        tone: "",
      };
    case "diverged": {
      const before = checkpoints.at(-1);
      const back = before ? `The checkpoint of step ${count(before.step)} is from before.` : "";
      const advice = "A smaller learning rate, or clipping the gradient's norm, usually helps.";
      return { title: `Diverged after step ${count(step)}`, text: joined(why, back, advice), tone: "bad" };
    }
    case "failed":
      return { title: `Failed after step ${count(step)}`, text: joined(why, done.code ? `(${done.code})` : ""), tone: "bad" };
    default:
      return outcome satisfies never;
  }
}

/** What the numbers of the end were measured on. */
export function measuredOn({ evaluations }: Pick<RunView, "evaluations">, { step, loss }: DoneEvent): string {
  const last = evaluations.at(-1);
  return last && last.step === step && last.loss === loss
    ? `on ${count(last.samples)} held-out samples`
    : "of the last step's batch";
}

/** Sentences one after the other, each with its stop. */
const joined = (...texts: readonly string[]): string =>
  texts
    .filter(Boolean)
    .map((text) => (/[.!?)]$/.test(text) ? text : `${text}.`))
    .map((text) => text[0].toUpperCase() + text.slice(1))
    .join(" ");
