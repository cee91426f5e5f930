// What a run does to its learning rate, its gradient and its own end, and how far it is with that: one line each, for runs that do.
import { metricText, type RunView, type Standing } from "@tabgrad/core";
import { count, plain } from "../../shared/format.ts";

export interface Fact {
  readonly id: string;
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

export function standingFacts({ start, newest, clipping, evaluations }: RunView): Fact[] {
  const facts: Fact[] = [];
  if (newest?.baseLearningRate !== undefined) {
    const note = `${start?.scheduleName ?? "schedule"} of ${plain(newest.baseLearningRate)}`;
    facts.push({ id: "rate", name: "Learning rate", value: plain(newest.learningRate), note });
  }
  if (newest?.clipped !== undefined) {
    const { clipped, steps } = clipping;
    const note = start && start.step > 0 ? `steps since step ${count(start.step)}` : "steps of the run";
    facts.push({ id: "clipped", name: "Gradient clipped", value: `in ${count(clipped)} of ${count(steps)}`, note });
  }
  if (newest?.lossScale !== undefined)
    facts.push({ id: "loss-scale", name: "Loss scale", value: count(newest.lossScale), note: "against underflow in f16" });
  const { stopEarly, plateau } = evaluations.at(-1) ?? {};
  if (stopEarly) facts.push({ id: "stop-early", ...patience(stopEarly, "end the run") });
  if (plateau) facts.push({ id: "plateau", ...patience(plateau, "lower the learning rate") });
  return facts;
}

function patience({ metric, form, best, since, evaluations, patience }: Standing, end: string): Omit<Fact, "id"> {
  return {
    name: `Best ${metric}`,
    value: best === null ? "–" : metricText(best, form),
    note: `${best === null ? "" : `at step ${count(since)}; `}${evaluations} ${evaluations === 1 ? "evaluation" : "evaluations"} without a better one, of ${patience} that ${end}`,
  };
}
