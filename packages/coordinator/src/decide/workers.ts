// Who is there, and how fast each is: what the coordinator's own clock sees, smoothed, parted into computing and everything else.
import type { WorkerAvailability } from "@tabgrad/core";
import type { Pace } from "./shares.ts";

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
  readonly joinedAt: number;
  readonly availability: WorkerAvailability;
  /** Exponentially smoothed; undefined until the first contribution. */
  readonly pace?: Pace;
  /** What it is computing. */
  readonly assignment?: number;
  /** Failures since its last contribution. */
  readonly failures: number;
  /** Training samples counted so far. */
  readonly samples: number;
  /** The assignment that it gave back when it began to rest. What still comes of it, just sent, is nobody's fault. */
  readonly gaveUp?: number;
}

export type Workers = ReadonlyMap<string, WorkerRecord>;

/** A tab that nobody looks at shares its device with the one that somebody works in: it is taken to be so many times slower. */
const backgroundSlowness = 4;

/** Those that can be given something. */
export const atWork = (workers: Workers): WorkerRecord[] =>
  [...workers.values()].filter(({ availability }) => availability !== "paused");

/** The pace that shares are made by; undefined while it is not known. */
export function usablePace({ pace, availability }: WorkerRecord): Pace | undefined {
  return pace && availability === "background" ? { ...pace, perSample: backgroundSlowness * pace.perSample } : pace;
}

/** Weight of the newest measurement. */
const smoothing = 0.2;

/**
 * The pace with one measurement more.
 * @param elapsed milliseconds from when the worker could begin until its contribution was there, by our clock
 * @param computing the part of it that the worker says it computed
 */
export function measured(before: Pace | undefined, samples: number, elapsed: number, computing: number): Pace {
  const busy = Math.min(Math.max(computing, 0.001), Math.max(elapsed, 0.001));
  const now = { overhead: Math.max(elapsed - busy, 0), perSample: busy / samples };
  if (!before) return now;
  const mix = (old: number, next: number): number => old + smoothing * (next - old);
  return { overhead: mix(before.overhead, now.overhead), perSample: mix(before.perSample, now.perSample) };
}

export function changed(workers: Workers, id: string, change: Partial<WorkerRecord>): Workers {
  const worker = workers.get(id);
  return worker ? new Map(workers).set(id, { ...worker, ...change }) : workers;
}

export function without(workers: Workers, id: string): Workers {
  const rest = new Map(workers);
  rest.delete(id);
  return rest;
}
