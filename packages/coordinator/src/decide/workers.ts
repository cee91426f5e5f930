// Who is there: what a worker said of itself, what it holds, and what is known of it.
import type { WorkerAvailability } from "@tabgrad/core";
import type { Pace, Punctuality } from "./pace.ts";

/** What a worker said of itself. */
export interface WorkerIdentity {
  /** One connection; a worker that reconnects has a new one. */
  readonly id: string;
  readonly name: string;
  /** "node", "tab", or another host's name. */
  readonly host: string;
  readonly engine: string;
  readonly device: string;
}

export interface WorkerRecord extends WorkerIdentity {
  /** What it calls itself on every connection. */
  readonly workerId: string;
  readonly joinedAt: number;
  readonly availability: WorkerAvailability;
  /** Undefined until the first training contribution. */
  readonly pace?: Pace;
  readonly punctuality: Punctuality;
  /** Training contributions that its pace was measured by. */
  readonly measurements: number;
  /** What it holds, in the order in which it computes it. */
  readonly assignments: readonly number[];
  /** When it has ended with what came before that, as far as is known: it says nothing of what was recalled. */
  readonly freeAt: number;
  /** Too slow to be of use in the present step, though it might have had a part. */
  readonly isLeftOut: boolean;
  /** The newest step of which others were first with what it had. */
  readonly sparedIn?: number;
  /** Milliseconds that the run gained by it and has not lost by it. */
  readonly credit: number;
  /** Until then it gets no part of a step, since the run lost time by it. */
  readonly leaveUntil: number;
  /** How often in a row it was given leave. */
  readonly leaves: number;
  /** The newest step that it sits out, so that it is known how long others take without it. */
  readonly sitsOutUntil: number;
  readonly without?: Without;
  /** Assignments that were taken from it, newest last. What still comes of them, just sent, is nobody's fault. */
  readonly excused: readonly number[];
  /** Failures since its last contribution. */
  readonly failures: number;
  /** Training samples counted so far. */
  readonly samples: number;
  /** When something of it counted last. */
  readonly countedAt?: number;
  /** When people were last told that others do its work, too. */
  readonly lateToldAt?: number;
}

/** How long steps of others took in which a worker had no part. */
export interface Without {
  /** Who had one. */
  readonly others: readonly string[];
  readonly steps: number;
  readonly milliseconds: number;
}

/** What was learnt of a worker: it holds for its next connection, too. */
export type Learnt = Pick<WorkerRecord, "pace" | "punctuality" | "measurements" | "credit" | "leaves">;

/** Workers that are gone and not forgotten. */
const mostLearnt = 4096;

export type Workers = ReadonlyMap<string, WorkerRecord>;

/** A tab that nobody looks at shares its device with the one that somebody works in: it is taken to be so many times slower. */
const backgroundSlowness = 4;

/** As many as a worker may hold. */
const excusesKept = 64;

/** Those that can be given something. */
export const atWork = (workers: Workers): WorkerRecord[] =>
  [...workers.values()].filter(({ availability }) => availability !== "paused");

/** Those of them that have nothing. */
export const idleWorkers = (workers: Workers): WorkerRecord[] =>
  [...workers.values()].filter(({ availability, assignments }) => assignments.length === 0 && availability !== "paused");

/** The pace to expect of it now; undefined while it is not known. */
export const usablePace = ({ pace, availability }: WorkerRecord): Pace | undefined =>
  pace && availability === "background" ? { ...pace, perSample: backgroundSlowness * pace.perSample } : pace;

/** The same with what it has to end before, if that was recalled. */
export function paceFrom(now: number, worker: WorkerRecord): Pace | undefined {
  const pace = usablePace(worker);
  return pace && { ...pace, overhead: pace.overhead + Math.max(0, worker.freeAt - now) };
}

export const excuse = (excused: readonly number[], assignments: readonly number[]): readonly number[] =>
  [...excused, ...assignments].slice(-excusesKept);

export function changed(workers: Workers, id: string, change: Partial<WorkerRecord>): Workers {
  const worker = workers.get(id);
  return worker ? new Map(workers).set(id, { ...worker, ...change }) : workers;
}

/** By what the worker calls itself. */
export function remember(all: ReadonlyMap<string, Learnt>, worker: WorkerRecord): ReadonlyMap<string, Learnt> {
  const { pace, punctuality, measurements, credit, leaves } = worker;
  if (measurements === 0) return all;
  const kept = new Map(all);
  kept.delete(worker.workerId);
  kept.set(worker.workerId, { pace, punctuality, measurements, credit, leaves });
  const [oldest] = kept.keys();
  if (kept.size > mostLearnt) kept.delete(oldest);
  return kept;
}

export function without(workers: Workers, id: string): Workers {
  const rest = new Map(workers);
  rest.delete(id);
  return rest;
}
