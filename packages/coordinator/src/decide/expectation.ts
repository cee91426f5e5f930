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

/** Of all that a worker holds, in order. Each begins when the one before it ends. A worker that was not measured counts as average. */
export function expectations({ assignments, workers }: RunState, worker: WorkerRecord): Expectation[] {
  const pace = usablePace(worker) ?? teamPace(workers);
  let first: number | undefined;
  let end = worker.freeAt;
  return worker.assignments.map((id) => {
    const open = assignments.get(id)!;
    const begin = Math.max(end, open.since);
    first ??= begin;
    end = pace ? begin + duration(open.samples, pace) : Infinity;
    return { id, open, end, deadline: pace ? first + patience(worker.punctuality) * (end - first) : Infinity };
  });
}
