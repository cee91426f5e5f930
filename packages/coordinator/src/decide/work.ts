// What is computed: opens the ledgers of steps and evaluations one after another, hands their microbatches out, counts what comes.
import {
  assign,
  count,
  isComplete,
  objection,
  openLedger,
  pendingMicrobatches,
  release,
  type Claim,
  type Ledger,
} from "./ledger.ts";
import { divide, redivided } from "./division.ts";
import { cut } from "./shares.ts";
import type { Turn } from "./turn.ts";
import { atWork, measured, type WorkerRecord } from "./workers.ts";

export function claim(turn: Turn, id: string, claimed: Claim, finite: boolean): void {
  const { ledger, workers, assignments } = turn.state;
  const worker = workers.get(id);
  const open = assignments.get(claimed.assignment);
  const problem = open?.worker !== id || !ledger ? "its assignment is not open" : objection(ledger, claimed);
  if (problem || !worker || !open || !ledger) {
    turn.actions.push({ kind: "discard", worker: id, assignment: claimed.assignment });
    // What was on its way from somebody who was just sent away, or just began to rest, is worth no word.
    if (!worker || worker.gaveUp === claimed.assignment) return;
    turn.reasons.push({ kind: "discarded", worker: worker.name, why: problem ?? "" });
    // What it held is done by somebody, or must be done again; either way this worker is free.
    if (open?.worker === id) turn.releaseAssignment(worker);
    return proceed(turn);
  }
  if (!finite && ledger.purpose === "train") {
    const what = `worker ${worker.name} found a loss sum of ${claimed.lossSum}`;
    return turn.end({ kind: "diverged", step: claimed.step, what });
  }
  turn.actions.push({ kind: "accept", worker: id, assignment: claimed.assignment });
  const rest = new Map(assignments);
  rest.delete(claimed.assignment);
  // What it was assigned but did not claim goes back.
  turn.set({ assignments: rest, ledger: release(count(ledger, claimed, id), claimed.assignment) });
  turn.setWorker(id, {
    assignment: undefined,
    failures: 0,
    pace: measured(worker.pace, claimed.samples, turn.now - open.since, claimed.computeMs),
    samples: worker.samples + (ledger.purpose === "train" ? claimed.samples : 0),
  });
  proceed(turn);
}

/** The optimizer step has been taken. */
export function applied(turn: Turn, step: number): void {
  if (step !== turn.state.step) return;
  // Whoever was assigned ahead could not begin before the new parameters were on their way.
  const assignments = new Map([...turn.state.assignments].map(([id, open]) => [id, { ...open, since: turn.now }]));
  turn.set({ assignments });
  if (step < turn.plan.steps && checkpointDue(turn, step)) {
    turn.set({ checkpointAt: turn.now });
    turn.actions.push({ kind: "checkpoint", step });
  }
  proceed(turn);
}

function checkpointDue({ plan, state, now }: Turn, step: number): boolean {
  const every = plan.checkpointEvery;
  if (!every) return false;
  return "steps" in every ? step % every.steps === 0 : now - state.checkpointAt >= every.milliseconds;
}

/** Does whatever can be done now: closes a complete ledger, opens the next, hands out what is pending. */
export function proceed(turn: Turn): void {
  const { ledger } = turn.state;
  if (ledger && isComplete(ledger)) return close(turn, ledger);
  if (!ledger) return openNext(turn);
  handOut(turn);
}

function close(turn: Turn, ledger: Ledger): void {
  const { step, totals, purpose } = ledger;
  if (purpose === "evaluate") {
    turn.set({ ledger: undefined });
    turn.actions.push({ kind: "evaluated", step, totals });
    return openNext(turn);
  }
  turn.set({ step, ledger: undefined });
  // The next assignments go out first: workers can fetch and prepare while the optimizer step is taken. Whether the run ends here
  // is only known when it has been taken.
  const position = turn.actions.length;
  if (step < turn.plan.steps || evaluationDue(turn)) openNext(turn, evaluationDue(turn) ? "evaluate" : "train");
  const ahead = turn.actions.slice(position).filter((action) => action.kind === "assign").length;
  const { learningRate } = turn.state;
  turn.actions.splice(position + ahead, 0, { kind: "apply", step, totals, learningRate });
}

function evaluationDue({ plan, state: { step } }: Turn): boolean {
  return plan.evaluationSamples.length > 0 && (step === plan.steps || plan.evaluateAfter(step));
}

/** Opens the evaluation that may follow a step just taken, else the next step, else nothing: the run is over. */
function openNext(turn: Turn, purpose: Ledger["purpose"] = "train"): void {
  const { plan } = turn;
  const { step } = turn.state;
  if (purpose === "evaluate") turn.set({ ledger: openLedger("evaluate", step, step, plan.evaluationSamples) });
  else if (step === plan.steps) return turn.end({ kind: "finished" });
  else turn.set({ ledger: openLedger("train", step + 1, step, plan.stepSamples(step + 1)) });
  handOut(turn);
}

/** Assigns pending microbatches to idle workers, if there are workers enough. */
function handOut(turn: Turn): void {
  if (!isReady(turn)) return;
  const { workers, ledger } = turn.state;
  const pending = pendingMicrobatches(ledger!);
  const idle = atWork(workers).filter((worker) => worker.assignment === undefined);
  if (pending.length === 0 || idle.length === 0) return;
  cut(pending, lengths(turn, pending, idle)).forEach((microbatches, i) => assignTo(turn, idle[i], microbatches));
}

/** How many of the pending microbatches each of the idle workers gets. */
function lengths(turn: Turn, pending: readonly number[], idle: readonly WorkerRecord[]): number[] {
  const { ledger, division: before, workers } = turn.state;
  const microbatches = pending.length;
  const samples = pending.reduce((sum, index) => sum + ledger!.entries[index].samples, 0) / microbatches;
  const division = divide(idle, { microbatches, samples }, turn.now, before);
  // The step at the end of an epoch may be a short one; it says nothing about how whole ones are divided.
  const isWhole = microbatches === ledger!.entries.length && microbatches >= (before?.microbatches ?? 0);
  if (isWhole && ledger!.purpose === "train") {
    const reason = before && redivided(before, division, workers);
    if (reason) turn.reasons.push(reason);
    const isOutdated = !before || microbatches > before.microbatches || before.parts.some(({ pace }) => !pace);
    if (reason || isOutdated) turn.set({ division });
  }
  return division.parts.map((part) => part.microbatches);
}

/** Whether there is anybody to hand out to, and nobody who wants the run to pause; says so when that changes. */
function isReady(turn: Turn): boolean {
  const { workers, begun, phase, step, checkpointAt } = turn.state;
  if (phase === "paused") return false;
  const present = atWork(workers).length;
  const needed = begun ? turn.plan.minWorkers : turn.plan.startWorkers;
  if (present < needed) {
    const isNews = phase !== "waiting" || turn.reasons.some(({ kind }) => kind === "joined" || kind === "resumed");
    if (isNews) turn.reasons.push({ kind: "waiting", workers: present, needed });
    turn.set({ phase: "waiting" });
    return false;
  }
  if (phase === "waiting") turn.reasons.push({ kind: "running", workers: present, step: step + 1 });
  turn.set({ phase: "running", begun: true, checkpointAt: begun ? checkpointAt : turn.now });
  return true;
}

function assignTo(turn: Turn, worker: WorkerRecord, microbatches: readonly number[]): void {
  if (microbatches.length === 0) return;
  const { ledger, nextAssignment: assignment, assignments } = turn.state;
  const { purpose, step, version, entries } = ledger!;
  const samples = microbatches.reduce((sum, index) => sum + entries[index].samples, 0);
  turn.set({
    ledger: assign(ledger!, microbatches, assignment),
    assignments: new Map(assignments).set(assignment, { worker: worker.id, microbatches, samples, since: turn.now }),
    nextAssignment: assignment + 1,
  });
  turn.setWorker(worker.id, { assignment });
  turn.actions.push({ kind: "assign", worker: worker.id, assignment, purpose, step, version, microbatches });
}
