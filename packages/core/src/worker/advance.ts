// The worker's session as a pure state machine: (plan, state, event, now) → the new state and what to do. It knows no socket, no clock,
// no thread and no tensor; session.ts carries out its actions in order.
import { protocolViolation } from "../protocol/index.ts";
import type { ToWorker } from "../protocol/messages.ts";
import { beginAgain, want } from "./availability.ts";
import { goodbye, greet, leave, refused, socketClosed, tick, violated, welcomed } from "./connection.ts";
import { computeFailed, loaded, loadFailed } from "./engine-life.ts";
import { shardArrived } from "./shards.ts";
import type { SessionAction, SessionEvent, SessionPlan, SessionState } from "./state.ts";
import { Turn } from "./turn.ts";
import { assigned, chunkArrived, computed, parametersComplete, recalled, settle, shardMissing, uploaded } from "./work.ts";

export interface Advance {
  readonly state: SessionState;
  /** To be carried out in this order. */
  readonly actions: readonly SessionAction[];
}

/** `now`: milliseconds of any steady clock. */
export function advance(plan: SessionPlan, state: SessionState, event: SessionEvent, now: number): Advance {
  const turn = new Turn(plan, state, now);
  if (state.phase.name !== "closed" && !isOfFormerConnection(state, event)) take(turn, event);
  return { state: turn.state, actions: turn.actions };
}

function isOfFormerConnection({ connection }: SessionState, event: SessionEvent): boolean {
  return "connection" in event && event.connection !== connection;
}

function take(turn: Turn, event: SessionEvent): void {
  switch (event.type) {
    case "start":
    case "tick":
      return tick(turn);
    case "leave":
      return leave(turn, event.reason);
    case "availability":
      return want(turn, event.wanted);
    case "socketOpened":
      return greet(turn);
    case "socketClosed":
      return socketClosed(turn, event);
    case "message":
      return receive(turn, event.message);
    case "violation":
      return isListening(turn) ? violated(turn, event.error) : undefined;
    case "parametersComplete":
      return parametersComplete(turn, event.version);
    case "shardArrived":
      shardArrived(turn, event);
      return settle(turn);
    case "shardFailed":
      return shardMissing(turn, event);
    case "loaded":
      return loaded(turn, event.token);
    case "loadFailed":
      return loadFailed(turn, event.token, event.error);
    case "computed":
      return computed(turn, event);
    case "computeFailed":
      return computeFailed(turn, event.token, event.error);
    case "uploaded":
      return isListening(turn) ? uploaded(turn, event.uploadMs) : undefined;
    default:
      return event satisfies never;
  }
}

/** Whether what the coordinator says still matters. */
function isListening({ state: { phase } }: Turn): boolean {
  return phase.name === "greeting" || phase.name === "open";
}

function receive(turn: Turn, message: ToWorker): void {
  if (!isListening(turn)) return;
  turn.change({ heardAt: turn.now });
  switch (message.type) {
    case "ping":
      return turn.act({ type: "send", message: { type: "pong", nonce: message.nonce } });
    case "refused":
      return refused(turn, message);
    case "goodbye":
      return goodbye(turn, message);
    case "welcome":
      if (turn.state.phase.name === "open") return violated(turn, protocolViolation("a second Welcome"));
      return welcomed(turn, message);
    case "parametersBegin":
    case "frozenChunk":
    case "parametersChunk":
    case "assignment":
    case "recall":
      if (turn.state.phase.name !== "open") return violated(turn, protocolViolation(`a message "${message.type}" before Welcome`));
      return work(turn, message);
    default:
      return message satisfies never;
  }
}

type WorkMessage = ToWorker & { type: "parametersBegin" | "frozenChunk" | "parametersChunk" | "assignment" | "recall" };

/** What came while a worker rests was sent before the coordinator heard of it, and has gone back by then. */
function work(turn: Turn, message: WorkMessage): void {
  const { duty } = turn.state;
  switch (message.type) {
    case "parametersBegin":
      // In a pause, this is the answer to the end of an earlier one.
      if (duty === "paused") return;
      beginAgain(turn, message.version);
      return settle(turn);
    case "frozenChunk":
      return duty === "working" ? turn.act({ type: "storeFrozen", chunk: message }) : undefined;
    case "parametersChunk":
      return duty === "working" ? chunkArrived(turn, message) : undefined;
    case "assignment":
      return duty === "working" ? assigned(turn, message) : undefined;
    case "recall":
      return duty === "working" ? recalled(turn, message) : undefined;
    default:
      return message satisfies never;
  }
}
