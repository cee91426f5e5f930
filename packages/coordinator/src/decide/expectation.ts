// When a worker's assignments are expected to be there, and how long to wait for them.
import { averagePace, duration, patience, type Pace } from "./pace.ts";
import type { OpenAssignment, RunState } from "./state.ts";
import { usablePace, type WorkerRecord, type Workers } from "./workers.ts";

export interface Expectation {
  readonly id: number;
  readonly open: OpenAssignment;
  /** When it is expected. Infinity where nothing is known. */
  readonly end: number;
  /** When it is to be taken for late: learned, there is no fixed time. Infinity where nothing is known. */
  readonly deadline: number;
}

export const teamPace = (workers: Workers): Pace | undefined => averagePace([...workers.values()].map(usablePace));

/**
 * Of all that a worker holds, in order. Each begins when the one before it ends, and where the first is late, all are. A worker that was
 * not measured counts as average.
 */
export function expectations({ assignments, workers }: RunState, worker: WorkerRecord): Expectation[] {
  const pace = usablePace(worker) ?? teamPace(workers);
  let deadline: number | undefined;
  let end = worker.freeAt;
  return worker.assignments.map((id) => {
    const open = assignments.get(id)!;
    const begin = Math.max(end, open.since);
    const takes = pace ? expected(open, end, pace) : Infinity;
    end = begin + takes;
    deadline ??= begin + patience(worker.punctuality) * takes;
    return { id, open, end, deadline };
  });
}

/**
 * Whether an assignment was there before its worker was done with the one before: that one is on its way while this one is computed, and
 * its parameters are there.
 */
export const follows = ({ since }: OpenAssignment, freeAt: number): boolean => freeAt > since;

/** Milliseconds for an assignment, of a worker that is free from `freeAt` on. */
export const expected = (open: OpenAssignment, freeAt: number, pace: Pace): number =>
  duration(open.samples, follows(open, freeAt) ? { ...pace, overhead: 0 } : pace);
