// How whole steps are divided among the workers, and why a division differs from the one before.
import type { Reason, WorkerAvailability } from "@tabgrad/core";
import { duration, shares, type Pace } from "./shares.ts";
import { usablePace, type WorkerRecord } from "./workers.ts";

export interface DivisionPart {
  readonly worker: string;
  readonly name: string;
  readonly microbatches: number;
  readonly availability: WorkerAvailability;
  /** What was known of its pace. */
  readonly pace?: Pace;
}

export interface Division {
  readonly since: number;
  /** Samples in a microbatch, on average. */
  readonly samples: number;
  readonly microbatches: number;
  readonly parts: readonly DivisionPart[];
}

/** Divides microbatches of about equal size among workers; sticks to the division before where that is nearly as good. */
export function divide(
  workers: readonly WorkerRecord[],
  { microbatches, samples }: Pick<Division, "microbatches" | "samples">,
  now: number,
  before: Division | undefined,
): Division {
  const steady = before && microbatches === before.microbatches && isSameTeam(before, workers);
  const previous = steady ? before.parts.map((part) => part.microbatches) : undefined;
  const counts = shares(microbatches, samples, workers.map(usablePace), previous);
  const parts = workers.map(({ id, name, availability, pace }, i) => ({
    worker: id,
    name,
    microbatches: counts[i],
    availability,
    ...(pace && { pace }),
  }));
  return { since: now, samples, microbatches, parts };
}

const isSameTeam = ({ parts }: Division, workers: readonly WorkerRecord[]): boolean =>
  parts.length === workers.length && parts.every((part, i) => part.worker === workers[i].id);

/** Why steps are divided in another way than before; undefined if they are not. */
export function redivided(before: Division, after: Division, workers: ReadonlyMap<string, WorkerRecord>): Reason | undefined {
  const countsOf = ({ parts }: Division): string => parts.map(({ worker, microbatches }) => `${worker} ${microbatches}`).join();
  if (countsOf(before) === countsOf(after)) return undefined;
  const parts = after.parts.map(({ name, microbatches }) => ({ worker: name, microbatches }));
  const why = membershipChange(before, after, workers) ?? availabilityChange(before, after) ?? paceChange(before, after);
  return { kind: "shared", shares: parts, microbatches: after.microbatches, why };
}

function membershipChange(before: Division, after: Division, workers: ReadonlyMap<string, WorkerRecord>): string | undefined {
  const had = new Set(before.parts.map(({ worker }) => worker));
  const has = new Set(after.parts.map(({ worker }) => worker));
  const come = after.parts
    .filter(({ worker }) => !had.has(worker))
    .map(({ worker, name }) => ((workers.get(worker)?.joinedAt ?? 0) >= before.since ? `${name} joined` : `${name} is back`));
  const gone = before.parts
    .filter(({ worker }) => !has.has(worker))
    .map(({ worker, name }) => (workers.get(worker)?.availability === "paused" ? `${name} rests` : `${name} is gone`));
  return listed([...come, ...gone]);
}

function availabilityChange(before: Division, after: Division): string | undefined {
  const was = new Map(before.parts.map((part) => [part.worker, part.availability]));
  const changes = after.parts
    .filter(({ worker, availability }) => was.get(worker) !== availability)
    .map(({ name, availability }) => (availability === "background" ? `${name} is in the background` : `${name} is back`));
  return listed(changes);
}

/** The worker whose speed has changed most, by what its old share would take it now. */
function paceChange(before: Division, after: Division): string {
  const old = new Map(before.parts.map((part) => [part.worker, part]));
  const measured = after.parts.filter(({ worker, pace }) => pace && !old.get(worker)?.pace).map(({ name }) => name);
  if (measured.length > 0) return `it is known now how fast ${listed(measured)} can be`;
  const factors = after.parts.flatMap(({ worker, name, pace }) => {
    const then = old.get(worker)!;
    if (!pace || !then.pace) return [];
    const took = duration(then.microbatches, before.samples, then.pace);
    return [{ name, speedup: took / duration(then.microbatches, before.samples, pace) }];
  });
  const [most] = factors.sort((a, b) => Math.abs(Math.log(b.speedup)) - Math.abs(Math.log(a.speedup)));
  if (!most || Math.abs(Math.log(most.speedup)) < Math.log(1.1)) return "all would be done sooner so";
  return most.speedup > 1
    ? `${most.name} has become ${most.speedup.toFixed(1)} times as fast as it was`
    : `${most.name} takes ${(1 / most.speedup).toFixed(1)} times as long as it did`;
}

/** Names no more than three. */
function listed(clauses: readonly string[]): string | undefined {
  if (clauses.length === 0) return undefined;
  if (clauses.length > 3) return `${clauses.slice(0, 2).join(", ")} and ${clauses.length - 2} more`;
  return clauses.length === 1 ? clauses[0] : `${clauses.slice(0, -1).join(", ")} and ${clauses[clauses.length - 1]}`;
}
