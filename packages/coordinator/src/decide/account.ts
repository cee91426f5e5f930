// What a worker is worth, in time that the run gained or lost by it. Paces are means, and say nothing of how the time is spread: whoever
// is fast in bursts and stands still in between is as fast as another on average, and is waited for again and again.
import { isComplete } from "./ledger.ts";
import { soonestEnd, tolerance } from "./shares.ts";
import type { Turn } from "./turn.ts";
import { atWork, paceFrom, type WorkerRecord } from "./workers.ts";

/** A worker by which the run lost time gets no part for so many times as long: however its time is spread, it costs no more than that. */
const penance = 40;
/** What the run gained by a worker makes up for what it loses later, but no more than so many steps' time: what was long ago is over. */
const longestCredit = 10;
/**
 * Somebody has to be the last one. Workers that share a processor are a little slower together than one of them alone, and people who
 * started two want to see two: who is in time with so much of an equal part may make a step longer, by `tolerance`.
 */
const fairPart = 0.5;
/** What happens once, such as compiling, is held against nobody. */
const leastMeasurements = 2;

/** A step of training is complete: compares how long it took with how long it would have taken without each worker. */
export function settle(turn: Turn, last: string): void {
  const { ledger, undisturbedSince, workers } = turn.state;
  if (!ledger || !isComplete(ledger) || ledger.purpose !== "train" || undisturbedSince === undefined) return;
  const took = turn.now - undisturbedSince;
  const counts = new Map<string, number>();
  for (const { state } of ledger.entries) if (state.kind === "done") counts.set(state.worker, (counts.get(state.worker) ?? 0) + 1);
  const late = [...workers.values()].filter(({ sparedIn }) => sparedIn === ledger.step).map(({ id }) => id);
  // Of those that were waited for, the time that the others were given by them is known.
  const awaited = late.length > 0 ? late : [last];
  for (const [id, count] of counts) if (!awaited.includes(id)) book(turn, id, (took * count) / (ledger.entries.length - count));
  for (const id of awaited) {
    const without = timeWithout(turn, id);
    const part = (counts.get(id) ?? 0) * counts.size;
    const allowance = late.length === 0 && part >= fairPart * ledger.entries.length ? 1 + tolerance : 1;
    if (without !== undefined) book(turn, id, allowance * without - took, longestCredit * without);
  }
}

/** How long the others would have taken for the step; undefined where that is not known. */
function timeWithout({ state, now }: Turn, id: string): number | undefined {
  const { entries } = state.ledger!;
  const others = atWork(state.workers).filter((worker) => worker.id !== id);
  const paces = others.flatMap((worker) => paceFrom(now, worker) ?? []);
  const samples = entries.reduce((sum, entry) => sum + entry.samples, 0) / entries.length;
  return paces.length > 0 ? soonestEnd(entries.length, samples, paces) : undefined;
}

function book(turn: Turn, id: string, gain: number, most = Infinity): void {
  const worker = turn.state.workers.get(id);
  if (!worker || worker.measurements < leastMeasurements) return;
  const credit = Math.min(worker.credit + gain, most);
  turn.setWorker(id, credit < 0 ? { credit: 0, leaveUntil: turn.now - penance * credit } : { credit });
}

export const isOnLeave = ({ leaveUntil }: WorkerRecord, now: number): boolean => now < leaveUntil;
