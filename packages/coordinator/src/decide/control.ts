// What somebody who holds the control token can do to a run. All of it is a decision like any other: in the journal, with its reason.
import type { Turn } from "./turn.ts";
import { proceed } from "./work.ts";

/** What has been handed out still counts, and a step that it completes is taken; the next is not handed out. */
export function pause(turn: Turn): void {
  if (turn.state.phase === "paused") return;
  turn.set({ phase: "paused", undisturbedSince: undefined });
  turn.reasons.push({ kind: "paused" });
}

export function resume(turn: Turn): void {
  if (turn.state.phase !== "paused") return;
  turn.set({ phase: "waiting" });
  turn.reasons.push({ kind: "resumed" });
  proceed(turn);
}

export function checkpointNow(turn: Turn): void {
  turn.set({ checkpointAt: turn.now });
  turn.actions.push({ kind: "checkpoint", step: turn.state.step });
}

/** Holds from the next optimizer step on. */
export function changeLearningRate(turn: Turn, to: number): void {
  const from = turn.state.learningRate;
  if (from === to) return;
  turn.set({ learningRate: to, learningRateChanges: [] });
  turn.reasons.push({ kind: "learningRate", from, to });
}

/** Makes those changes again which a step was followed by when it was taken before. */
export function repeatLearningRateChanges(turn: Turn): void {
  const { step, learningRateChanges: changes } = turn.state;
  const rest = changes.filter((change) => change.step > step);
  if (rest.length === changes.length) return;
  for (const { to } of changes.slice(0, changes.length - rest.length)) changeLearningRate(turn, to);
  turn.set({ learningRateChanges: rest });
}
