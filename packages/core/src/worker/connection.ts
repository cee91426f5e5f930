// The life of a connection: opening, greeting, silence, loss, the next attempt, and the end.
import { closeCodes, type ErrorCode, errorKinds, TabgradError } from "../errors.ts";
import type { Goodbye, Refused, Welcome } from "../protocol/messages.ts";
import { protocolVersion } from "../protocol/version.ts";
import { declare } from "./availability.ts";
import { backOffMs, reminderMs, steadyMs } from "./back-off.ts";
import { load } from "./load.ts";
import { type SessionEvent, type SessionState, unwanted, withoutConnection, type WorkerOutcome } from "./state.ts";
import type { Turn } from "./turn.ts";

/** How long a socket may take to open, and a coordinator to answer `Hello`. */
const answerMs = 10_000;
/** How long a socket may take to close. */
const closeMs = 2000;

/** When the session wants its next `tick`, undefined for never. Everything else happens because something arrived. */
export function nextWake({ giveUpMs = Infinity }: { giveUpMs?: number }, state: SessionState): number | undefined {
  const { phase } = state;
  switch (phase.name) {
    case "backingOff":
      return Math.min(phase.until, state.welcomedAt + giveUpMs);
    case "connecting":
    case "greeting":
      return Math.min(phase.since + answerMs, state.welcomedAt + giveUpMs);
    case "open":
      return Math.min(silentAt(state), state.engine.name === "waiting" ? state.engine.until : Infinity);
    case "leaving":
      return phase.until;
    case "closed":
      return undefined;
    default:
      return phase satisfies never;
  }
}

function silentAt({ heardAt, run }: SessionState): number {
  return heardAt + run!.silenceMs;
}

export function tick(turn: Turn): void {
  const { state, now, plan } = turn;
  const { phase, engine } = state;
  const due = nextWake(plan, state);
  if (due === undefined || now < due) return;
  switch (phase.name) {
    case "backingOff":
      if (givesUp(turn)) return;
      return connect(turn);
    case "connecting":
    case "greeting":
      if (givesUp(turn)) return;
      return disconnect(turn, unanswered(phase.name === "connecting" ? "the socket did not open" : "no answer to Hello"));
    case "open": {
      if (engine.name === "waiting" && now >= engine.until) load(turn);
      const silent = now - silentAt(state);
      if (silent < 0) return;
      // A tick that comes later than that was not late because of the coordinator: this machine was asleep, and what arrived
      // meanwhile is still to be read.
      if (silent > state.run!.silenceMs) return turn.change({ heardAt: now });
      return disconnect(turn, lost(`nothing was heard from the coordinator for ${Math.round(now - state.heardAt)} ms`));
    }
    case "leaving":
      turn.act({ type: "closeSocket", code: 1000, reason: "", abrupt: true });
      return close(turn, phase.outcome);
    case "closed":
      return;
    default:
      return phase satisfies never;
  }
}

export function connect(turn: Turn): void {
  const connection = turn.state.connection + 1;
  turn.change({ phase: { name: "connecting", since: turn.now }, connection });
  turn.act({ type: "openSocket", connection });
}

export function greet(turn: Turn): void {
  if (turn.state.phase.name !== "connecting") return;
  turn.change({ phase: { name: "greeting", since: turn.now } });
  turn.act({ type: "send", message: { type: "hello", protocol: protocolVersion, ...turn.plan.identity } });
}

export function welcomed(turn: Turn, run: Welcome): void {
  const { state, now } = turn;
  const since = { phase: { name: "open", since: now }, heardAt: now, welcomedAt: now, trouble: "", lastEnd: now } as const;
  turn.change({ ...since, ...withoutConnection, run });
  if (!isLoaded(state) || !isSameRun(state.run!, run)) load(turn);
  turn.act({ type: "resetParameters", run });
  turn.act({ type: "report", report: { type: "joined", runId: run.runId } });
  declare(turn);
}

function isLoaded({ engine }: SessionState): boolean {
  return engine.name !== "empty" && engine.name !== "waiting";
}

/** Whether what was made for `a` (program, shards) serves for `b`: whatever of them may differ, it is not in use. */
function isSameRun(a: Welcome, b: Welcome): boolean {
  return (
    a.runId === b.runId &&
    a.graph === b.graph &&
    a.microbatchSize === b.microbatchSize &&
    a.exact === b.exact &&
    a.seed === b.seed &&
    JSON.stringify(a.transforms) === JSON.stringify(b.transforms) &&
    a.shards.length === b.shards.length &&
    a.shards.every((shard, i) => shard.hash === b.shards[i].hash && shard.samples === b.shards[i].samples)
  );
}

export function refused(turn: Turn, { code, reason, retry }: Refused): void {
  const error = new TabgradError(
    code in errorKinds ? (code as ErrorCode) : "CONNECTION_LOST",
    `the coordinator refused this worker: ${reason || code}`,
    retry ? "The worker tries again by itself." : "Do what the coordinator says; its log may tell more.",
  );
  if (retry) disconnect(turn, error);
  else leaveWith(turn, { kind: "failed", error });
}

export function goodbye(turn: Turn, { reason, reconnect }: Goodbye): void {
  if (reconnect) disconnect(turn, lost(`the coordinator said goodbye for now: ${reason}`));
  else leaveWith(turn, { kind: "finished", reason });
}

/** The worker is to go. What it holds goes back to the coordinator with `Leaving`; a second request does not wait for the socket. */
export function leave(turn: Turn, reason: string): void {
  const { phase } = turn.state;
  switch (phase.name) {
    case "open":
    case "greeting":
      turn.act({ type: "send", message: { type: "leaving", reason } });
      return leaveWith(turn, { kind: "left", reason });
    case "connecting":
      turn.act({ type: "closeSocket", code: 1000, reason: "", abrupt: true });
      return close(turn, { kind: "left", reason });
    case "backingOff":
      return close(turn, { kind: "left", reason });
    case "leaving":
      turn.act({ type: "closeSocket", code: 1000, reason: "", abrupt: true });
      return close(turn, phase.outcome);
    case "closed":
      return;
    default:
      return phase satisfies never;
  }
}

/** Nothing more will be said: closes the socket, waits for that, and ends with `outcome`. */
export function leaveWith(turn: Turn, outcome: WorkerOutcome, code = 1000): void {
  turn.act({ type: "closeSocket", code, reason: "", abrupt: false });
  turn.change({
    phase: { name: "leaving", outcome, until: turn.now + closeMs },
    ...withoutConnection,
    engine: unwanted(turn.state),
  });
}

export function violated(turn: Turn, error: TabgradError): void {
  leaveWith(turn, { kind: "failed", error }, closeCodes.protocolViolation);
}

export function socketClosed(turn: Turn, { code, reason, error }: SessionEvent & { type: "socketClosed" }): void {
  const { phase } = turn.state;
  if (phase.name === "leaving") return close(turn, phase.outcome);
  if (phase.name === "closed" || phase.name === "backingOff") return;
  const why = error ?? closedError(code, reason);
  if (isFinal(turn.state, why, code)) return close(turn, { kind: "failed", error: why });
  retry(turn, why);
}

/** Whether trying again is of no use. Once welcomed, another answer at the same address may be a proxy's while the coordinator is away. */
function isFinal({ run }: SessionState, error: TabgradError, code: number): boolean {
  if (Object.values(closeCodes).some((ours) => ours === code)) return true;
  return (
    run === undefined &&
    ["NOT_A_COORDINATOR", "PROTOCOL_VERSION", "ADDRESS_UNAVAILABLE", "CERTIFICATE_UNTRUSTED"].includes(error.code)
  );
}

function closedError(code: number, reason: string): TabgradError {
  const said = reason ? `: ${reason}` : "";
  switch (code) {
    case closeCodes.protocolVersion:
      return new TabgradError(
        "PROTOCOL_VERSION",
        `the coordinator speaks another version of the protocol than ${protocolVersion}${said}`,
        "Use the same version of tabgrad at both ends.",
      );
    case closeCodes.protocolViolation:
      return new TabgradError(
        "PROTOCOL_VIOLATION",
        `the coordinator could make no sense of what this worker sent${said}`,
        "One of the two sides is defective, or they are of different versions: update the older one.",
      );
    case closeCodes.refused:
      return new TabgradError(
        "CONNECTION_LOST",
        `the coordinator does not want this worker any more${said}`,
        "Its log says why; start the worker again when that is mended.",
      );
    default:
      return lost(`the connection was closed with code ${code}${said}`);
  }
}

/** Gives the socket up without a handshake, and tries again later. */
export function disconnect(turn: Turn, why: TabgradError): void {
  turn.act({ type: "closeSocket", code: 1000, reason: "", abrupt: true });
  retry(turn, why);
}

/** Tries again later, after whatever ended the connection. */
export function retry(turn: Turn, error: TabgradError): void {
  const { state, now, plan } = turn;
  const wasSteady = state.phase.name === "open" && now - state.phase.since >= steadyMs;
  const attempt = wasSteady ? 0 : state.attempt;
  turn.change({
    phase: { name: "backingOff", until: now + backOffMs(plan.identity.workerId, attempt) },
    attempt: attempt + 1,
    // From here on the time without a coordinator counts.
    ...(state.phase.name === "open" && { welcomedAt: now, reminders: 0 }),
    engine: unwanted(state),
    ...withoutConnection,
  });
  const trouble = `${error.code} ${error.message}`;
  if (trouble === state.trouble) return remind(turn, error);
  turn.change({ trouble });
  turn.act({ type: "report", report: { type: "retrying", error } });
}

/** A worker that waits says so now and then. */
function remind(turn: Turn, error: TabgradError): void {
  const { welcomedAt, reminders } = turn.state;
  const awayMs = turn.now - welcomedAt;
  if (awayMs < reminderMs * 2 ** reminders) return;
  turn.change({ reminders: reminders + 1 });
  turn.act({ type: "report", report: { type: "stillRetrying", error, awayMs } });
}

function givesUp(turn: Turn): boolean {
  const { state, now, plan } = turn;
  if (plan.giveUpMs === undefined || now < state.welcomedAt + plan.giveUpMs) return false;
  if (state.phase.name !== "backingOff") turn.act({ type: "closeSocket", code: 1000, reason: "", abrupt: true });
  const seconds = Math.round(plan.giveUpMs / 1000);
  const error = new TabgradError(
    "COORDINATOR_UNREACHABLE",
    `no coordinator has answered for ${seconds} s${state.trouble ? `: ${state.trouble}` : ""}`,
    "Start the coordinator, check its address, and start the worker again.",
  );
  close(turn, { kind: "failed", error });
  return true;
}

function close(turn: Turn, outcome: WorkerOutcome): void {
  turn.change({ phase: { name: "closed", outcome }, ...withoutConnection, engine: unwanted(turn.state) });
  turn.act({ type: "end", outcome });
}

function lost(what: string): TabgradError {
  return new TabgradError("CONNECTION_LOST", what, "The worker tries again by itself.");
}

function unanswered(what: string): TabgradError {
  return new TabgradError("COORDINATOR_UNREACHABLE", `${what} within ${answerMs / 1000} s`, "The worker tries again by itself.");
}
