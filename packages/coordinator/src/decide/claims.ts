// Contributions: which count, which are refused, and what a worker's contribution says of its speed, whatever becomes of it.
import { settle } from "./account.ts";
import { absolve, blame, maxRefusals, praise, quarantine } from "./conduct.ts";
import { expectations, expected, follows, teamPace } from "./expectation.ts";
import { count, holders, objection, type Claim } from "./ledger.ts";
import { backOff, isOverflow, mayOverflow, suspectOverflow } from "./loss-scale.ts";
import { remove } from "./membership.ts";
import { measured, punctual, smoothing, unknownPunctuality } from "./pace.ts";
import type { OpenAssignment } from "./state.ts";
import { confirms, factorOf, faultOf, normOf, suspectOf, withNorm, type Fault, type Suspect } from "./suspicion.ts";
import type { Turn } from "./turn.ts";
import { proceed } from "./work.ts";
import type { WorkerRecord } from "./workers.ts";

export function claim(turn: Turn, id: string, claimed: Claim, squaredNorm: number | undefined): void {
  const { workers, assignments } = turn.state;
  const worker = workers.get(id);
  const open = assignments.get(claimed.assignment);
  if (!worker) return discard(turn, id, claimed);
  if (open?.worker !== id) {
    unexpected(turn, worker, claimed);
    return proceed(turn);
  }
  const wrong = open.counts ? objection(turn.state.ledger!, claimed, open) : undefined;
  if (wrong) {
    turn.close(claimed.assignment);
    turn.setWorker(id, { freeAt: turn.now });
    mistaken(turn, worker, claimed, wrong);
  } else {
    measure(turn, worker, open, claimed);
    if (!open.counts) {
      discard(turn, id, claimed);
      turn.close(claimed.assignment);
    } else if (open.purpose === "evaluate" || isBelieved(turn, worker, claimed, normOf(claimed, squaredNorm ?? NaN))) {
      accept(turn, worker, open, claimed);
    }
  }
  proceed(turn);
}

function discard(turn: Turn, worker: string, { assignment }: Claim): void {
  turn.actions.push({ kind: "discard", worker, assignment });
}

/** For an assignment that it does not have. What was on its way when it was taken from the worker is worth no word. */
function unexpected(turn: Turn, worker: WorkerRecord, claimed: Claim): void {
  if (!worker.excused.includes(claimed.assignment)) return mistaken(turn, worker, claimed, "its assignment is not open");
  discard(turn, worker.id, claimed);
  turn.setWorker(worker.id, { excused: worker.excused.filter((one) => one !== claimed.assignment) });
}

function mistaken(turn: Turn, worker: WorkerRecord, claimed: Claim, why: string): void {
  discard(turn, worker.id, claimed);
  turn.reasons.push({ kind: "discarded", worker: worker.name, why });
  punish(turn, worker, `the last one was not what was asked for, since ${why}`);
}

/** Whether the gradient may be added. If not, the worker has it on record, and the microbatches wait for a second opinion. */
function isBelieved(turn: Turn, worker: WorkerRecord, claimed: Claim, norm: number): boolean {
  const { microbatches } = claimed;
  const fault = faultOf(turn.state, norm);
  const suspect = suspectOf(turn.state, microbatches);
  const rest = turn.state.suspects.filter((one) => one !== suspect);
  if (!fault) {
    if (suspect?.fault === "overflow") contradicted(turn, suspect);
    turn.set({ norms: withNorm(turn.state.norms, norm), suspects: rest });
    return true;
  }
  if (fault === "notFinite" && mayOverflow(turn.state, claimed)) {
    discard(turn, worker.id, claimed);
    if (isOverflow(turn, worker)) backOff(turn);
    else suspectOverflow(turn, worker, claimed);
    return false;
  }
  if (suspect && confirms(suspect, fault, norm)) {
    absolve(turn, suspect.workerId);
    if (fault === "outlandish") {
      // Gradients have become so: what was known of them holds no longer.
      turn.set({ norms: [norm], suspects: rest });
      return true;
    }
    discard(turn, worker.id, claimed);
    const what = Number.isFinite(claimed.lossSum) ? "the gradient is not finite" : "the loss is not finite";
    turn.end({ kind: "diverged", step: claimed.step, what });
    return false;
  }
  discard(turn, worker.id, claimed);
  const { id, workerId, name } = worker;
  turn.set({ suspects: [...rest, { microbatches, worker: id, workerId, fault, norm }] });
  const returned = turn.close(claimed.assignment);
  const why = faultText(turn, fault, norm);
  turn.reasons.push({ kind: "refused", worker: name, why, returned });
  punish(turn, worker, `of the last one, ${why}`);
  return false;
}

/** What one worker found to overflow, another one did not. */
function contradicted(turn: Turn, { worker: id }: Suspect): void {
  const worker = turn.state.workers.get(id);
  if (!worker) return;
  const why = "its gradient is not finite, and another worker's is";
  turn.reasons.push({ kind: "refused", worker: worker.name, why, returned: 0 });
  punish(turn, worker, `of the last one, ${why}`);
}

function faultText(turn: Turn, fault: Fault, norm: number): string {
  if (fault === "notFinite") return "the loss or the gradient is not finite";
  const factor = factorOf(turn.state, norm);
  return factor > 1
    ? `its gradient is ${times(factor)} times as long as its peers'`
    : `its peers' gradients are ${times(1 / factor)} times as long`;
}

const times = (factor: number): string =>
  factor >= 1e6 ? "over a million" : factor >= 10 ? String(Math.round(factor)) : factor.toFixed(1);

function punish(turn: Turn, worker: WorkerRecord, why: string): void {
  const refusals = blame(turn, worker);
  if (refusals < maxRefusals) return;
  quarantine(turn, worker);
  const returned = remove(turn, worker);
  turn.actions.push({ kind: "quarantine", worker: worker.id, why: `${refusals} contributions were refused; ${why}` });
  turn.reasons.push({ kind: "quarantined", worker: worker.name, refusals, returned });
}

function accept(turn: Turn, worker: WorkerRecord, open: OpenAssignment, claimed: Claim): void {
  const { assignment, microbatches } = claimed;
  turn.actions.push({ kind: "accept", worker: worker.id, assignment });
  const others = holders(turn.state.ledger!, microbatches[0]).filter((one) => one !== assignment);
  // First, so that nothing of it is pending again.
  turn.set({ ledger: count(turn.state.ledger!, claimed, worker.id) });
  turn.close(assignment);
  for (const other of others) spare(turn, other);
  turn.setWorker(worker.id, {
    failures: 0,
    countedAt: turn.now,
    samples: worker.samples + (open.purpose === "train" ? claimed.samples : 0),
  });
  // However many pieces its part has, it is one.
  if (!follows(open, worker.freeAt)) praise(turn, worker);
  settle(turn, worker.id);
}

/**
 * Somebody else was first. A worker that has not begun, or only helped out, is told so: it says nothing more, and is taken to be free
 * when it was expected to end. One that was slow is waited for: nothing stays queued behind what it does, and when its contribution is
 * there, it shows that the worker is free, and how slow it was.
 */
function spare(turn: Turn, id: number): void {
  const open = turn.state.assignments.get(id)!;
  const worker = turn.state.workers.get(open.worker)!;
  const { end } = expectations(turn.state, worker).find((one) => one.id === id)!;
  const [head, ...rest] = worker.assignments;
  const hasBegun = head === id;
  if (hasBegun && (!open.isCopy || turn.now > end)) {
    turn.set({ assignments: new Map(turn.state.assignments).set(id, { ...open, counts: false }) });
    for (const queued of rest) turn.recall(queued);
    if (!open.isCopy) turn.setWorker(worker.id, { sparedIn: turn.state.ledger!.step });
    return;
  }
  turn.recall(id);
  if (hasBegun && Number.isFinite(end)) turn.setWorker(worker.id, { freeAt: Math.max(turn.now, end) });
}

/** Of a contribution that came after its deadline, or only shows how fast a worker is. */
const surpriseWeight = 0.5;

/** Only training says how fast a worker is: an evaluation takes another time for a sample. */
function measure(turn: Turn, worker: WorkerRecord, open: OpenAssignment, { assignment, computeMs: computing }: Claim): void {
  const { now, state } = turn;
  turn.setWorker(worker.id, { freeAt: now });
  if (open.purpose !== "train") return;
  const { pace, measurements, punctuality } = worker;
  const { samples, since } = open;
  // When it became free may be a guess; it did not begin later than it must have.
  const elapsed = Math.max(now - Math.max(since, worker.freeAt), Math.min(computing, now - since), 0);
  if (!pace) {
    // The first one has to load the model and fetch shards, too.
    const first = measured(undefined, { samples, elapsed, computing });
    const overhead = Math.min(first.overhead, teamPace(state.workers)?.overhead ?? Infinity);
    return turn.setWorker(worker.id, { pace: { ...first, overhead }, measurements: 1 });
  }
  // What nobody expected says as much as all before it, but one hiccup is not everything.
  const { deadline } = expectations(state, worker).find(({ id }) => id === assignment)!;
  const isSurprise = !open.counts || now > deadline;
  // Compiling was in the first one, which says nothing then.
  const weight = isSurprise && measurements > 1 ? surpriseWeight : Math.max(smoothing, 1 / measurements);
  turn.setWorker(worker.id, {
    pace: measured(pace, { samples, elapsed, computing: follows(open, worker.freeAt) ? undefined : computing }, weight),
    measurements: measurements + 1,
    punctuality: isSurprise
      ? unknownPunctuality
      : punctual(punctuality, elapsed / Math.max(expected(open, worker.freeAt, pace), 1e-3)),
  });
}
