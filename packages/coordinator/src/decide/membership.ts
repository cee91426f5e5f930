// Who takes part: joining, leaving, failing, resting. Each of them only moves microbatches back into the ledger; what happens to them
// there is the work's matter.
import type { WorkerAvailability } from "@tabgrad/core";
import { isQuarantined } from "./conduct.ts";
import { unknownPunctuality } from "./pace.ts";
import type { Turn } from "./turn.ts";
import { proceed } from "./work.ts";
import { remember, without, type WorkerIdentity, type WorkerRecord } from "./workers.ts";

/** A worker that fails this often in a row, with no contribution in between, is sent away. */
export const maxFailures = 3;

export function join(turn: Turn, identity: WorkerIdentity, workerId: string): void {
  if (isQuarantined(turn.state.conduct, workerId)) {
    turn.actions.push({ kind: "quarantine", worker: identity.id, why: "what it sent was wrong before" });
    return;
  }
  const worker: WorkerRecord = {
    ...identity,
    workerId,
    joinedAt: turn.now,
    availability: "available",
    punctuality: unknownPunctuality,
    measurements: 0,
    assignments: [],
    freeAt: turn.now,
    isLeftOut: false,
    credit: 0,
    leaveUntil: 0,
    leaves: 0,
    ...turn.state.learnt.get(workerId),
    sitsOutUntil: 0,
    excused: [],
    failures: 0,
    samples: 0,
  };
  turn.set({ workers: new Map(turn.state.workers).set(identity.id, worker) });
  turn.reasons.push({ kind: "joined", worker: identity.name, workers: turn.state.workers.size });
  proceed(turn);
}

export function leave(turn: Turn, id: string, why: string): void {
  const worker = turn.state.workers.get(id);
  if (!worker) return;
  const returned = remove(turn, worker);
  turn.reasons.push({ kind: "left", worker: worker.name, why, returned, workers: turn.state.workers.size });
  proceed(turn);
}

export function fail(turn: Turn, id: string, assignment: number, why: string): void {
  const worker = turn.state.workers.get(id);
  if (!worker?.assignments.includes(assignment)) return;
  const returned = turn.close(assignment);
  const failures = worker.failures + 1;
  turn.setWorker(id, { failures, freeAt: turn.now });
  turn.actions.push({ kind: "discard", worker: id, assignment });
  turn.reasons.push({ kind: "failed", worker: worker.name, why, returned, failures });
  if (failures >= maxFailures) {
    remove(turn, worker);
    turn.actions.push({ kind: "dismiss", worker: id, why: `${failures} failures in a row, the last one: ${why}` });
    turn.reasons.push({ kind: "dismissed", worker: worker.name, failures });
  }
  proceed(turn);
}

/** A worker says how much it can do. One that rests gives back what it has, one that is in the background gets less from now on. */
export function changeAvailability(turn: Turn, id: string, availability: WorkerAvailability, why: string): void {
  const worker = turn.state.workers.get(id);
  if (!worker || worker.availability === availability) return;
  const returned = availability === "paused" ? turn.closeAll(id) : 0;
  turn.setWorker(id, { availability });
  turn.reasons.push(
    availability === "paused"
      ? { kind: "rested", worker: worker.name, why, returned }
      : availability === "background"
        ? { kind: "background", worker: worker.name, why }
        : { kind: "returned", worker: worker.name },
  );
  proceed(turn);
}

/** Somebody who may control the run sends a worker away. */
export function drop(turn: Turn, id: string): void {
  const worker = turn.state.workers.get(id);
  if (!worker) return;
  remove(turn, worker);
  turn.actions.push({ kind: "dismiss", worker: id, why: "it was sent away from the dashboard" });
  turn.reasons.push({ kind: "dropped", worker: worker.name });
  proceed(turn);
}

/** Returns how many microbatches went back. */
export function remove(turn: Turn, worker: WorkerRecord): number {
  const returned = turn.closeAll(worker.id);
  const { workers, learnt } = turn.state;
  turn.set({ workers: without(workers, worker.id), learnt: remember(learnt, workers.get(worker.id) ?? worker) });
  return returned;
}
