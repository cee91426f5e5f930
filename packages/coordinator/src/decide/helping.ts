// What workers do that have nothing of their own: at the end of a step, what others have and is expected last; and where they are too slow to
// be of use, now and then a microbatch that shows how fast they are now. No timeout is set anywhere: all of it follows from what was
// measured.
import { sitsOut } from "./account.ts";
import { expectations, teamPace, type Expectation } from "./expectation.ts";
import { duration } from "./pace.ts";
import type { RunState } from "./state.ts";
import type { Turn } from "./turn.ts";
import { idleWorkers, paceFrom, usablePace, type WorkerRecord } from "./workers.ts";

/** A copy has to be done so much earlier, in its own durations: equal workers never take copies of each other's work. */
const margin = 1.25;
/** A worker that is of no use spends at most one part in so many of its time on showing how fast it is … */
const idleness = 9;
/** … but does it this often, in milliseconds. */
const longestLeave = 10_000;
/** People are told that a worker is late at most once in so many milliseconds. */
export const quietMs = 30_000;

/** The same microbatches, and everybody who computes them. */
interface Group {
  readonly microbatches: readonly number[];
  readonly samples: number;
  readonly holders: readonly Expectation[];
  /** After this, all of them are late. */
  readonly deadline: number;
}

export function help(turn: Turn): void {
  for (const { id } of idleWorkers(turn.state.workers)) {
    const worker = turn.state.workers.get(id)!;
    if (!take(turn, worker) && isProbeDue(turn, worker)) turn.assign(id, [0], { counts: false });
  }
}

/** When idle workers can do something though nothing arrives; undefined where they can't. */
export function nextWake(state: RunState): number | undefined {
  if (state.phase !== "running" || !state.ledger) return undefined;
  const idle = idleWorkers(state.workers);
  if (idle.length === 0) return undefined;
  const deadlines = groups(state).map(({ deadline }) => deadline);
  const wake = Math.min(...deadlines, ...idle.map((worker) => probeAt(state, worker)));
  return Number.isFinite(wake) ? wake : undefined;
}

function groups(state: RunState): Group[] {
  const found = new Map<number, Group>();
  for (const worker of state.workers.values()) {
    for (const expectation of expectations(state, worker)) {
      const { counts, microbatches, samples } = expectation.open;
      if (!counts) continue;
      const { holders = [], deadline = -Infinity } = found.get(microbatches[0]) ?? {};
      const latest = Math.max(deadline, expectation.deadline);
      found.set(microbatches[0], { microbatches, samples, holders: [...holders, expectation], deadline: latest });
    }
  }
  return [...found.values()];
}

/** Has the worker take what is expected last, where that is sensible: a copy of it, if somebody has begun with it. */
function take(turn: Turn, worker: WorkerRecord): boolean {
  const { state, now } = turn;
  const pace = paceFrom(now, worker) ?? teamPace(state.workers);
  if (!pace) return false;
  let latest: { group: Group; end: number } | undefined;
  for (const group of groups(state)) {
    const isLate = now >= group.deadline;
    const end = isLate ? Infinity : soonest(group, now);
    const isWorthwhile = isLate || end - now > margin * duration(group.samples, pace);
    if (isWorthwhile && end > (latest?.end ?? -Infinity)) latest = { group, end };
  }
  if (!latest) return false;
  const { microbatches, samples, holders } = latest.group;
  const [first] = holders;
  if (!isBegun(state, first)) {
    // It just changes hands: who would compute it as well would begin with the next step late.
    turn.recall(first.id);
    turn.assign(worker.id, microbatches);
    return true;
  }
  turn.assign(worker.id, microbatches, { isCopy: true });
  const gain = latest.end - now - duration(samples, pace);
  announce(turn, worker, first, Number.isFinite(gain) ? gain : undefined);
  return true;
}

const isBegun = ({ workers }: RunState, { id, open }: Expectation): boolean => workers.get(open.worker)!.assignments[0] === id;

/** When the first of those that are not late yet is expected. */
const soonest = ({ holders }: Group, now: number): number =>
  Math.min(...holders.map(({ end, deadline }) => (now >= deadline || end === Infinity ? Infinity : Math.max(end, now))));

/** A worker that stays slow is told of once. */
function announce(turn: Turn, helper: WorkerRecord, { open, end }: Expectation, gain: number | undefined): void {
  const { now } = turn;
  const holder = turn.state.workers.get(open.worker)!;
  const { lateToldAt, countedAt = 0 } = holder;
  if (lateToldAt !== undefined && (countedAt < lateToldAt || now < lateToldAt + quietMs)) return;
  turn.setWorker(holder.id, { lateToldAt: now });
  const why =
    gain === undefined ? `was expected ${Math.round(now - end)} ms ago` : `is expected ${Math.max(1, Math.round(gain))} ms later`;
  turn.reasons.push({
    kind: "duplicated",
    worker: helper.name,
    of: holder.name,
    microbatches: open.microbatches.length,
    why,
  });
}

function probeAt({ ledger }: RunState, worker: WorkerRecord): number {
  if (!worker.isLeftOut || ledger?.purpose !== "train" || sitsOut(worker, ledger.step)) return Infinity;
  const pace = usablePace(worker);
  // What happens once, such as compiling, is in the first measurement: a second one is worth having at once.
  if (!pace || worker.measurements < 2) return worker.freeAt;
  const wait = Math.min(longestLeave, idleness * duration(ledger.entries[0].samples, pace));
  return Math.max(worker.leaveUntil, worker.freeAt + wait);
}

const isProbeDue = (turn: Turn, worker: WorkerRecord): boolean => turn.now >= probeAt(turn.state, worker);
