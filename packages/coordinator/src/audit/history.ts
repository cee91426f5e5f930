// What a journal says happened in the end: of a step that was taken again after a restart, only the last time counts.
import type { DoneEvent, StartEvent, StepEvent } from "@tabgrad/core";
import type { JournalRecord } from "../telemetry/journal.ts";

export interface History {
  /** Every start of the run's coordinator, the first among them. */
  readonly starts: readonly StartEvent[];
  /** The steps that finally counted, in order; `steps[i]` is step i + 1. */
  readonly steps: readonly StepEvent[];
  /** Steps that were taken, and taken again after a restart. */
  readonly repeated: number;
  /** Contributions that came and did not count. */
  readonly discarded: number;
  /** Learning rates that people asked for, by the step that they came after. */
  readonly wishes: ReadonlyMap<number, readonly number[]>;
  /** What is left of the learning rate after a plateau, as a share, by the step that it was decided after. */
  readonly scales: ReadonlyMap<number, number>;
  readonly done?: DoneEvent;
}

/** The first thing in a journal that can't have happened so, or a step that can't be right. */
export interface Flaw {
  /** Where: 0 where it is about no step. */
  readonly step: number;
  readonly what: string;
}

/** Decisions that say that a contribution did not count. */
const discards: ReadonlySet<string> = new Set(["discarded", "refused"]);

/** @param runId of the run; a journal may begin with the remains of another one */
export function historyOf(records: Iterable<JournalRecord>, runId: string): History | Flaw {
  const starts: StartEvent[] = [];
  const steps: StepEvent[] = [];
  const wishes = new Map<number, number[]>();
  const scales = new Map<number, number>();
  let [repeated, discarded] = [0, 0];
  let done: DoneEvent | undefined;
  let isOurs = false;
  for (const { event } of records) {
    if (event.event === "start") isOurs = event.runId === runId;
    if (!isOurs) continue;
    switch (event.event) {
      case "start":
        if (event.step > steps.length) return gap(event.step, steps.length, "goes on after");
        starts.push(event);
        repeated += steps.length - event.step;
        steps.length = event.step;
        for (const step of scales.keys()) if (step > event.step) scales.delete(step);
        done = undefined;
        break;
      case "step":
        if (event.step !== steps.length + 1) return gap(event.step, steps.length, "tells of");
        steps.push(event);
        break;
      case "decision":
        if (discards.has(event.reason.kind)) discarded++;
        if (event.reason.kind === "learningRate") wishes.set(event.step, [...(wishes.get(event.step) ?? []), event.reason.to]);
        if (event.reason.kind === "plateau") scales.set(event.step, event.reason.scale);
        break;
      case "done":
        done = event;
        break;
      default:
    }
  }
  return { starts, steps, repeated, discarded, wishes, scales, ...(done && { done }) };
}

const gap = (step: number, before: number, verb: string): Flaw => ({
  step,
  what: `the journal ${verb} step ${step} where step ${before} was the one before`,
});
