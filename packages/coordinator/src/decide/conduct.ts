// What is remembered of workers that sent something wrong, for as long as the run lasts: a new connection wipes nothing out.
import type { Turn } from "./turn.ts";
import type { WorkerRecord } from "./workers.ts";

export interface Conduct {
  /** Contributions that were refused; forgotten when enough have counted since. */
  readonly refusals: number;
  /** Parts of a step that counted since the last refusal. */
  readonly clean: number;
  readonly isQuarantined: boolean;
}

/** So many refusals, and the worker is sent away for good … */
export const maxRefusals = 3;
/** … unless so many parts in a row counted in between. */
const cleanParts = 100;
/** Workers to remember. */
const maxRemembered = 4096;

const unblemished: Conduct = { refusals: 0, clean: 0, isQuarantined: false };

/** What it sent was wrong. Returns how often that has been so. */
export function blame(turn: Turn, { workerId }: WorkerRecord): number {
  const before = turn.state.conduct.get(workerId) ?? unblemished;
  const refusals = before.refusals + 1;
  remember(turn, workerId, { ...before, refusals, clean: 0 });
  return refusals;
}

/** What was refused has turned out to be right. */
export function absolve(turn: Turn, workerId: string): void {
  const before = turn.state.conduct.get(workerId);
  if (before && !before.isQuarantined) remember(turn, workerId, { ...before, refusals: before.refusals - 1 });
}

/** A part of it counted. */
export function praise(turn: Turn, { workerId }: WorkerRecord): void {
  const before = turn.state.conduct.get(workerId);
  if (!before) return;
  const clean = before.clean + 1;
  remember(turn, workerId, clean >= cleanParts ? unblemished : { ...before, clean });
}

export function quarantine(turn: Turn, { workerId }: WorkerRecord): void {
  remember(turn, workerId, { ...(turn.state.conduct.get(workerId) ?? unblemished), isQuarantined: true });
}

export const isQuarantined = (conduct: ReadonlyMap<string, Conduct>, workerId: string): boolean =>
  conduct.get(workerId)?.isQuarantined ?? false;

function remember(turn: Turn, workerId: string, conduct: Conduct): void {
  const all = new Map(turn.state.conduct);
  all.delete(workerId);
  if (conduct.refusals > 0 || conduct.isQuarantined) all.set(workerId, conduct);
  const [oldest] = all.keys();
  if (all.size > maxRemembered) all.delete(oldest);
  turn.set({ conduct: all });
}
