// What is computed: opens the ledgers of steps and evaluations one after another, and hands their microbatches out.
import { isOnLeave, sitsOut } from "./account.ts";
import { adopt, divide } from "./division.ts";
import { teamPace } from "./expectation.ts";
import { help } from "./helping.ts";
import { holders, isComplete, openLedger, pendingMicrobatches, totalsOf, type Ledger, type Purpose } from "./ledger.ts";
import { afterFiniteStep } from "./loss-scale.ts";
import { blocksOf, pieceLength, piecesOf } from "./pieces.ts";
import { cut } from "./shares.ts";
import type { RunState } from "./state.ts";
import type { Turn } from "./turn.ts";
import { Versions } from "./versions.ts";
import { hasToStop, standings, watch } from "./watched.ts";
import { atWork, idleWorkers, usablePace, type WorkerRecord } from "./workers.ts";

/** The optimizer step has been taken. */
export function applied(turn: Turn, step: number): void {
  if (step !== turn.state.step) return;
  // Whoever was assigned ahead could not begin before the new parameters were on their way.
  const begun = [...turn.state.assignments].map(
    ([id, open]) => [id, open.version === turn.state.ledger?.version ? { ...open, since: turn.now } : open] as const,
  );
  turn.set({ assignments: new Map(begun), ...(turn.state.undisturbedSince !== undefined && { undisturbedSince: turn.now }) });
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
  const { ledger, phase } = turn.state;
  if (phase === "ended") return;
  if (ledger && isComplete(ledger)) return close(turn, ledger);
  if (!ledger) return openNext(turn);
  handOut(turn);
}

function close(turn: Turn, ledger: Ledger): void {
  const { step, purpose } = ledger;
  const totals = totalsOf(ledger, turn.plan.exact);
  if (purpose === "evaluate") {
    turn.set({ ledger: undefined });
    watch(turn, step, totals);
    turn.actions.push({ kind: "evaluated", step, totals, watched: turn.state.watched, standings: standings(turn) });
    return openNext(turn);
  }
  const { lossScale } = turn.state;
  turn.set({ step, ledger: undefined, ...(lossScale && { lossScale: afterFiniteStep(lossScale) }) });
  // The next assignments go out first: workers can fetch and prepare while the optimizer step is taken. Whether the run ends here
  // is only known when it has been taken.
  const position = turn.actions.length;
  if (step < turn.plan.steps || evaluationDue(turn)) openNext(turn, evaluationDue(turn) ? "evaluate" : "train");
  const ahead = turn.actions.slice(position).filter((action) => action.kind === "assign").length;
  const { learningRate: baseLearningRate, watched } = turn.state;
  const learningRate = baseLearningRate * turn.plan.rateFactor(step) * watched.plateau.scale;
  const version = turn.state.ledger?.version ?? versionsOf(turn).of("train", step);
  const rates = { learningRate, baseLearningRate, ...(lossScale && { lossScale: lossScale.scale }) };
  turn.actions.splice(position + ahead, 0, { kind: "apply", step, totals, ...rates, version });
}

const versionsOf = ({ plan }: Turn): Versions => new Versions(plan.averages ?? false);

function evaluationDue({ plan, state: { step } }: Turn): boolean {
  return plan.evaluationSamples.length > 0 && (step === plan.steps || plan.evaluateAfter(step));
}

/** Opens the evaluation that may follow a step just taken, else the next step, else nothing: the run is over. */
function openNext(turn: Turn, purpose: Ledger["purpose"] = "train"): void {
  const { plan } = turn;
  const { step } = turn.state;
  const version = versionsOf(turn).of(purpose, step);
  if (purpose === "evaluate") turn.set({ ledger: openLedger("evaluate", step, version, plan.evaluationSamples) });
  else if (step === plan.steps) return turn.end({ kind: "finished" });
  else {
    const why = hasToStop(turn);
    if (why !== undefined) return turn.end({ kind: "finished", why });
    turn.set({ ledger: openLedger("train", step + 1, version, plan.stepSamples(step + 1)), undisturbedSince: turn.now });
  }
  handOut(turn);
}

/** Gives idle workers something to do, if there are workers enough: what was refused, what is pending, what others are slow with. */
function handOut(turn: Turn): void {
  if (!isReady(turn)) return;
  redo(turn);
  shareOut(turn);
  help(turn);
}

/** Gives what was refused, in one piece, to somebody else than who sent it, unless nobody else is there who answers. */
function redo(turn: Turn): void {
  for (const { microbatches, workerId } of turn.state.suspects) {
    const { ledger, workers } = turn.state;
    if (holders(ledger!, microbatches[0]).length > 0) continue;
    const others = atWork(workers).filter((worker) => worker.workerId !== workerId && !isAwaited(turn.state, worker));
    const idle = idleWorkers(workers);
    const next = others.find(({ assignments }) => assignments.length === 0) ?? (others.length === 0 ? idle[0] : undefined);
    if (next) turn.assign(next.id, microbatches);
  }
}

/** Whether all it has are results that came too late. */
const isAwaited = (state: RunState, { assignments }: WorkerRecord): boolean =>
  assignments.length > 0 && assignments.every((id) => !state.assignments.get(id)!.counts);

function shareOut(turn: Turn): void {
  const { workers, ledger, suspects } = turn.state;
  const { entries } = ledger!;
  const refused = new Set(suspects.flatMap(({ microbatches }) => microbatches));
  const pending = pendingMicrobatches(ledger!).filter((index) => !refused.has(index));
  const idle = candidates(turn);
  if (pending.length === 0 || idle.length === 0) return;
  for (const { id } of idleWorkers(workers)) turn.setWorker(id, { isLeftOut: idle.some((one) => one.id === id) });
  cut(pending, lengths(turn, pending, idle)).forEach((microbatches, i) => {
    const length = longestPiece(turn, idle[i], microbatches);
    const pieces = turn.plan.exact ? blocksOf(microbatches, entries.length, length) : piecesOf(microbatches, length);
    for (const piece of pieces) turn.assign(idle[i].id, piece);
  });
}

/**
 * Microbatches that may be computed in one piece. One worker alone in a run that is not exact gets all in one: gradients that are added
 * in another order differ in their last bits, and its results should not depend on the time that anything took.
 */
function longestPiece({ plan, state: { ledger, workers } }: Turn, worker: WorkerRecord, microbatches: readonly number[]): number {
  if (!plan.exact && atWork(workers).length === 1) return Infinity;
  const samples = microbatches.reduce((sum, index) => sum + ledger!.entries[index].samples, 0) / microbatches.length;
  return pieceLength(samples, usablePace(worker) ?? teamPace(workers));
}

/** Who has nothing to do and can be given a part: of those that are on leave or sit out, none but where there is nobody else. */
function candidates({ state: { workers, step }, now }: Turn): WorkerRecord[] {
  const idle = idleWorkers(workers);
  const wanted = idle.filter((worker) => !isOnLeave(worker, now) && !sitsOut(worker, step + 1));
  return wanted.length > 0 ? wanted : idle;
}

/** How many of the pending microbatches each of the idle workers gets. */
function lengths(turn: Turn, pending: readonly number[], idle: readonly WorkerRecord[]): number[] {
  const { ledger, division: before, workers } = turn.state;
  const microbatches = pending.length;
  const samples = pending.reduce((sum, index) => sum + ledger!.entries[index].samples, 0) / microbatches;
  const busy = atWork(workers).filter(({ id }) => !idle.some((one) => one.id === id));
  const division = divide(idle, busy, { microbatches, samples }, turn.now, before);
  // The step at the end of an epoch may be a short one; it says nothing about how whole ones are divided.
  const isWhole = microbatches === ledger!.entries.length && microbatches >= (before?.microbatches ?? 0);
  // Nor does one that somebody sits out.
  const isUsual = isWhole && !busy.some((worker) => sitsOut(worker, ledger!.step));
  if (isUsual && ledger!.purpose === "train") adopt(turn, division);
  return division.parts.slice(0, idle.length).map((part) => part.microbatches);
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
    turn.set({ phase: "waiting", undisturbedSince: undefined });
    return false;
  }
  if (phase === "waiting") turn.reasons.push({ kind: "running", workers: present, step: step + 1 });
  turn.set({ phase: "running", begun: true, checkpointAt: begun ? checkpointAt : turn.now });
  return true;
}

/** The workers that have something to compute with that version of the parameters: nobody else is sent them. */
export const readers = ({ assignments }: RunState, version: number): string[] => [
  ...new Set([...assignments.values()].filter((open) => open.version === version).map(({ worker }) => worker)),
];

/** All that a worker has to compute for that purpose with that version of the parameters, in however many pieces. */
export const partOf = ({ assignments }: RunState, worker: string, purpose: Purpose, version: number): number[] =>
  [...assignments.values()]
    .filter((open) => open.worker === worker && open.purpose === purpose && open.version === version)
    .flatMap(({ microbatches }) => microbatches);
