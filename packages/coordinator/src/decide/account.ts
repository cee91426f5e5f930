// What a worker is worth, in time that the run gained or lost by it. Paces are means, and say nothing of how the time is spread: whoever
// is fast in bursts and stands still in between is as fast as another on average, and is waited for again and again. Nor do they say
// what workers on one processor take from each other. So what counts is how long steps take without it.
import { isComplete, type Ledger } from "./ledger.ts";
import { soonestEnd, tolerance } from "./shares.ts";
import type { Turn } from "./turn.ts";
import { atWork, paceFrom, type WorkerRecord } from "./workers.ts";

/**
 * A worker by which the run lost time gets no part for so many times as long: as often as that happens in a row, from 1, 2, 4 up to
 * this. One unlucky look is made good at once; and however its time is spread, a worker costs no more than one part in so many.
 */
const longestPenance = 40;
/**
 * What the run gained by a worker makes up for what it loses later, but no more than so many steps' time: what was long ago is over. Who
 * gained it that much is looked at afresh.
 */
const longestCredit = 10;
/**
 * As long as it is not known how long the others take, somebody has to be the last one: who is in time with so much of an equal part may
 * make a step longer than expected, by `tolerance`.
 */
const fairPart = 0.5;
/** What happens once, such as compiling, is held against nobody. */
const leastMeasurements = 2;
/** Once in so many steps one worker sits out for some, so that it is known what it is worth. That costs one percent at most. */
const lookEvery = 250;
const firstLook = 50;
const lookSteps = 3;
/** How long others take without it is a mean over about so many steps: what one step takes is noisy. */
const remembered = 32;

/** A step that is complete. */
interface Taken {
  readonly ledger: Ledger;
  /** Milliseconds. */
  readonly took: number;
  /** Microbatches that each worker computed. */
  readonly parts: ReadonlyMap<string, number>;
  /** Whether others did what somebody was too late with. */
  readonly isRescued: boolean;
  /** Who was waited for: those who were too late, or else the last one. */
  readonly awaited: readonly string[];
}

interface Entry {
  readonly id: string;
  readonly gain: number;
  /** What it may have to its credit after that. */
  readonly most: number;
}

/** A step of training is complete: compares how long it took with how long it would have taken without each worker. */
export function settle(turn: Turn, last: string): void {
  const { ledger, undisturbedSince, workers } = turn.state;
  if (!ledger || !isComplete(ledger) || ledger.purpose !== "train" || undisturbedSince === undefined) return;
  const late = [...workers.values()].filter(({ sparedIn }) => sparedIn === ledger.step).map(({ id }) => id);
  const isRescued = late.length > 0;
  const parts = partsOf(ledger);
  const taken = { ledger, took: turn.now - undisturbedSince, parts, isRescued, awaited: isRescued ? late : [last] };
  const had = atWork(workers).filter(({ id }) => parts.has(id) || taken.awaited.includes(id));
  for (const { id } of atWork(workers)) if (!had.some((one) => one.id === id)) observe(turn, id, taken);
  const entries = had.flatMap(({ id }) => entryOf(turn, id, taken) ?? []);
  // Where all would be better off alone, the best one stays.
  for (const entry of entries.sort((a, b) => a.gain - b.gain)) book(turn, entry);
  if (ledger.step % lookEvery === firstLook) look(turn, [...parts.keys()]);
}

/** What the run gained by a worker's part in a step; undefined where nobody knows. */
function entryOf(turn: Turn, id: string, { ledger: { entries }, took, parts, isRescued, awaited }: Taken): Entry | undefined {
  const seen = seenWithout(turn, id, parts);
  if (seen !== undefined) return { id, gain: seen - took, most: longestCredit * seen };
  const part = parts.get(id) ?? 0;
  // Of those that were waited for, the time that the others were given by them is known.
  if (!awaited.includes(id)) return { id, gain: (took * part) / (entries.length - part), most: Infinity };
  const expected = expectedWithout(turn, id);
  if (expected === undefined) return undefined;
  const isFair = !isRescued && part * parts.size >= fairPart * entries.length;
  return { id, gain: (isFair ? 1 + tolerance : 1) * expected - took, most: longestCredit * expected };
}

function partsOf({ entries }: Ledger): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of entries) if (state.kind === "done") counts.set(state.worker, (counts.get(state.worker) ?? 0) + 1);
  return counts;
}

/** The step was taken without the worker. */
function observe(turn: Turn, id: string, { took, parts }: Taken): void {
  const others = [...parts.keys()];
  const { without } = turn.state.workers.get(id)!;
  const before = without && isSameTeam(without.others, others) ? without : { milliseconds: 0, steps: 0 };
  const steps = before.steps + 1;
  const milliseconds = before.milliseconds + Math.max(1 / remembered, 1 / steps) * (took - before.milliseconds);
  turn.setWorker(id, { without: { others, milliseconds, steps } });
}

/** How long the others took for such a step, where that was seen. */
function seenWithout({ state }: Turn, id: string, parts: ReadonlyMap<string, number>): number | undefined {
  const { without } = state.workers.get(id)!;
  const others = [...parts.keys()].filter((other) => other !== id);
  return without && isSameTeam(without.others, others) ? without.milliseconds : undefined;
}

const isSameTeam = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id) => b.includes(id));

/** How long the others would take by their paces; undefined where these are not known. */
function expectedWithout({ state, now }: Turn, id: string): number | undefined {
  const { entries } = state.ledger!;
  const others = atWork(state.workers).filter((worker) => worker.id !== id);
  const paces = others.flatMap((worker) => paceFrom(now, worker) ?? []);
  const samples = entries.reduce((sum, entry) => sum + entry.samples, 0) / entries.length;
  return paces.length > 0 ? soonestEnd(entries.length, samples, paces) : undefined;
}

function book(turn: Turn, { id, gain, most }: Entry): void {
  const { workers } = turn.state;
  const worker = workers.get(id)!;
  if (worker.measurements < leastMeasurements) return;
  const credit = Math.min(worker.credit + gain, most);
  const isAlone = atWork(workers).every((other) => other === worker || isOnLeave(other, turn.now));
  if (credit < 0 && isAlone) turn.setWorker(id, { credit: 0 });
  else if (credit < 0) {
    const leaveUntil = turn.now - Math.min(2 ** worker.leaves, longestPenance) * credit;
    turn.setWorker(id, { credit: 0, leaveUntil, leaves: worker.leaves + 1 });
  } else turn.setWorker(id, { credit, ...(credit === most && { leaves: 0 }) });
}

/** Of those that have a part, lets the one sit out for some steps that did so longest ago. */
function look(turn: Turn, team: readonly string[]): void {
  if (team.length < 2) return;
  const { ledger, workers } = turn.state;
  const members = team.flatMap((id) => workers.get(id) ?? []);
  const next = members.reduce((first, worker) => (worker.sitsOutUntil < first.sitsOutUntil ? worker : first));
  turn.setWorker(next.id, { sitsOutUntil: ledger!.step + lookSteps });
}

/** Whether it gets no part of a step, since the run lost time by it. */
export const isOnLeave = ({ leaveUntil }: WorkerRecord, now: number): boolean => now < leaveUntil;

/** Whether it gets no part of that step, so that it is known how long the others take. */
export const sitsOut = ({ sitsOutUntil }: WorkerRecord, step: number): boolean => step <= sitsOutUntil;
