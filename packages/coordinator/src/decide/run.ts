// The run as a pure state machine: (state, event, now) → the new state, what to do, and why. It knows no socket, no clock and no
// tensor.
import { claim } from "./claims.ts";
import { changeLearningRate, checkpointNow, pause, repeatLearningRateChanges, resume } from "./control.ts";
import { changeAvailability, drop, fail, join, leave } from "./membership.ts";
import type { Decision, RunEvent, RunPlan, RunState } from "./state.ts";
import { Turn } from "./turn.ts";
import { applied, proceed } from "./work.ts";

export function decide(plan: RunPlan, state: RunState, event: RunEvent, now: number): Decision {
  const turn = new Turn(plan, state, now);
  if (state.phase !== "ended") take(turn, event);
  return { state: turn.state, actions: turn.actions, reasons: turn.reasons };
}

function take(turn: Turn, event: RunEvent): void {
  switch (event.kind) {
    case "joined":
      return join(turn, event.worker, event.workerId);
    case "left":
      return leave(turn, event.worker, event.why);
    case "availability":
      return changeAvailability(turn, event.worker, event.availability, event.why);
    case "claimed":
      return claim(turn, event.worker, event.claim, event.squaredNorm);
    case "failed":
      return fail(turn, event.worker, event.assignment, event.why);
    case "applied":
      repeatLearningRateChanges(turn);
      return applied(turn, event.step);
    case "diverged":
      return turn.end({ kind: "diverged", step: event.step, what: event.what });
    case "tick":
      return proceed(turn);
    case "pause":
      return pause(turn);
    case "resume":
      return resume(turn);
    case "checkpointNow":
      return checkpointNow(turn);
    case "learningRate":
      return changeLearningRate(turn, event.value);
    case "drop":
      return drop(turn, event.worker);
    case "stop":
      return turn.end({ kind: "stopped", why: event.why });
    default:
      event satisfies never;
  }
}
