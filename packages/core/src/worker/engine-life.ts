// The life of the engine: loading, failing, being made again. The worker stays in the run meanwhile.
import type { TabgradError } from "../errors.ts";
import { declare } from "./availability.ts";
import { backOffMs } from "./back-off.ts";
import { leaveWith, violated } from "./connection.ts";
import { load } from "./load.ts";
import type { Turn } from "./turn.ts";
import { fail, settle } from "./work.ts";

/** After so many failures in a row, of computing or of loading again, the engine is taken for broken. */
const failuresToEnd = 3;
/** Delays of back-off.ts that a failed attempt to load again leaves out: a device that was reset takes seconds, not milliseconds. */
const skippedDelays = 2;

export function loaded(turn: Turn, token: number): void {
  const { engine, rebuilding } = turn.state;
  if (engine.name !== "loading" || engine.token !== token) return;
  turn.change({ engine: { name: "ready" }, rebuilding: undefined });
  if (rebuilding) turn.act({ type: "report", report: { type: "rebuilt" } });
  declare(turn);
  settle(turn);
}

/**
 * At the first attempt this is a model that the engine cannot run, or a graph that is none: it would be the same the next time. After
 * a failure, the device may need a moment.
 */
export function loadFailed(turn: Turn, token: number, error: TabgradError): void {
  const { engine, phase, failures } = turn.state;
  if (engine.name !== "loading" || engine.token !== token) return;
  turn.change({ engine: { name: "empty" } });
  if (phase.name !== "open") return;
  if (error.code === "PROTOCOL_VIOLATION") return violated(turn, error);
  if (failures === 0) return endWith(turn, error);
  failed(turn, error);
  if (turn.state.phase.name !== "open") return;
  const delay = backOffMs(turn.plan.identity.workerId, turn.state.failures + skippedDelays);
  turn.change({ engine: { name: "waiting", until: turn.now + delay } });
}

/** Nothing is certain of an engine that failed: it is made again, while the worker rests. */
export function computeFailed(turn: Turn, token: number, error: TabgradError): void {
  const { engine, held, phase, failures } = turn.state;
  if (engine.name !== "computing" || engine.token !== token) return;
  turn.change({ engine: { name: "empty" } });
  // The next `Welcome` loads it.
  if (phase.name !== "open") return turn.change({ failures: failures + 1 });
  if (error.code === "PROTOCOL_VIOLATION") return violated(turn, error);
  if (!engine.unwanted) fail(turn, held[0].assignment.assignment, error);
  failed(turn, error);
  if (turn.state.phase.name === "open") load(turn);
}

/** Counts a failure, and pauses or ends because of it. */
function failed(turn: Turn, error: TabgradError): void {
  const failures = turn.state.failures + 1;
  turn.change({ failures, rebuilding: error });
  if (failures >= failuresToEnd) return endWith(turn, error);
  turn.act({ type: "report", report: { type: "rebuilding", error } });
  declare(turn);
}

/** This worker is of no use to the run, and says so. */
function endWith(turn: Turn, error: TabgradError): void {
  turn.act({ type: "send", message: { type: "leaving", reason: error.message } });
  leaveWith(turn, { kind: "failed", error });
}
