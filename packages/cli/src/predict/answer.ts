// What a model's output says, in the words of its labels: a class with its probability, or values.
import { areProbabilities, classScores, indexOfGreatest, readOutput, type LabelDescription, type Reading } from "@tabgrad/core";
import { decimal, percent } from "../output/format.ts";
import type { Answer } from "./ask.ts";

export interface AnswerForm {
  readonly reading: Reading;
  readonly labels?: LabelDescription;
}

/** How many classes a line names beside the first. */
const mostClasses = 3;

const nameOf = (names: readonly string[] | undefined, index: number): string => names?.[index] ?? String(index);

/** One line of `--json`. */
export function answerObject({ place, output }: Answer, form: AnswerForm): Record<string, unknown> {
  const { labels, reading } = form;
  if (!isClassesForm(form)) {
    const values = Array.from(readOutput(output, reading));
    return { input: place, values, ...(labels?.names && { names: labels.names }) };
  }
  const scores = classScores(output, reading);
  const best = indexOfGreatest(scores);
  return {
    input: place,
    class: nameOf(labels?.names, best),
    index: best,
    [areProbabilities(reading) ? "probabilities" : "scores"]: Array.from(scores),
  };
}

/** One line for a person. */
export function answerText({ place, output }: Answer, form: AnswerForm): string {
  const { labels, reading } = form;
  const shown = (score: number): string => (areProbabilities(reading) ? percent(score) : decimal(score));
  if (!isClassesForm(form)) {
    const values = Array.from(readOutput(output, reading), (value, i) =>
      labels?.names ? `${labels.names[i]} ${shown(value)}` : shown(value),
    );
    return `${place}  ${values.join("  ")}`;
  }
  const scores = Array.from(classScores(output, reading));
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a] || a - b);
  const listed = order.slice(0, mostClasses).map((i) => `${nameOf(labels?.names, i)} ${shown(scores[i])}`);
  return `${place}  ${listed.join("  ")}`;
}

/** Whether the output speaks for one class of each sample. */
function isClassesForm({ labels, reading }: AnswerForm): boolean {
  return labels ? labels.kind === "classes" && (labels.shape ?? []).length === 0 : reading === "classLogits";
}
