// Who is there, and how fast each is: what the coordinator's own clock sees, smoothed, parted into computing and everything else.
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
  /** Exponentially smoothed; undefined until the first contribution. */
  readonly pace?: Pace;
  /** What it is computing. */
  readonly assignment?: number;
  /** Failures since its last contribution. */
  readonly failures: number;
  /** Training samples counted so far. */
  readonly samples: number;
  /** Microbatches in the newest full step, for steadiness. */
  readonly share: number;
}

export type Workers = ReadonlyMap<string, WorkerRecord>;

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
