// How whole steps are divided among the workers, and why a division differs from the one that people were told of.
import type { Reason, WorkerAvailability } from "@tabgrad/core";
import { isOnLeave } from "./account.ts";
import { quietMs } from "./helping.ts";
import { duration, type Pace } from "./pace.ts";
import { shares } from "./shares.ts";
import type { RunState } from "./state.ts";
import type { Turn } from "./turn.ts";
import { paceFrom, type WorkerRecord } from "./workers.ts";

export interface DivisionPart {
  readonly worker: string;
  readonly name: string;
  readonly microbatches: number;
  readonly availability: WorkerAvailability;
  /** It gets nothing for a while, since the run lost time by it. */
  readonly isOnLeave: boolean;
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

/**
 * Divides microbatches of about equal size among workers; sticks to the division before where that is nearly as good.
 * @param busy workers that have something else to do: they get nothing
 */
export function divide(
  workers: readonly WorkerRecord[],
  busy: readonly WorkerRecord[],
  { microbatches, samples }: Pick<Division, "microbatches" | "samples">,
  now: number,
  before: Division | undefined,
): Division {
  const had = new Map(before?.parts.map((part) => [part.worker, part.microbatches]));
  const previous = workers.every(({ id }) => had.has(id)) ? workers.map(({ id }) => had.get(id)!) : undefined;
  const paces = workers.map((worker) => paceFrom(now, worker));
  const counts = shares(microbatches, samples, paces, previous);
  const part = (worker: WorkerRecord, microbatches: number): DivisionPart => {
    const { id, name, availability, pace } = worker;
    return { worker: id, name, microbatches, availability, isOnLeave: isOnLeave(worker, now), ...(pace && { pace }) };
  };
  const parts = [...workers.map((worker, i) => part(worker, counts[i])), ...busy.map((worker) => part(worker, 0))];
  return { since: now, samples, microbatches, parts };
}

/**
 * Whole steps are divided so from now on. People are told at once who came, went or can do more or less; of changes that only follow the
 * workers' speed, now and then, and of large ones.
 */
export function adopt(turn: Turn, division: Division): void {
  const { announced, workers } = turn.state;
  turn.set({ division });
  if (!announced || division.microbatches > announced.microbatches) return turn.set({ announced: division });
  const changes = changesOf(announced, division);
  if (changes === 0) return;
  const event = membershipChange(announced, division, workers) ?? availabilityChange(announced, division);
  if (!event && !isPaceNews(turn.state, changes / division.microbatches, turn.now)) return;
  turn.reasons.push(sharedReason(division, event ?? paceChange(announced, division)));
  turn.set({ announced: division, ...(!event && { paceToldAt: turn.now }) });
}

const isPaceNews = ({ paceToldAt = -Infinity }: RunState, part: number, now: number): boolean =>
  part >= 1 / 4 && now >= paceToldAt + quietMs;

/** By how many microbatches the part of one worker differs at most. */
function changesOf(before: Division, after: Division): number {
  const had = new Map(before.parts.map((part) => [part.worker, part.microbatches]));
  const has = new Set(after.parts.map(({ worker }) => worker));
  const gone = before.parts.filter(({ worker }) => !has.has(worker));
  const differences = after.parts.map(({ worker, microbatches }) => Math.abs(microbatches - (had.get(worker) ?? 0)));
  return Math.max(0, ...differences, ...gone.map(({ microbatches }) => microbatches));
}

function sharedReason({ parts, microbatches }: Division, why: string): Reason {
  const shares = parts.map((part) => ({ worker: part.name, microbatches: part.microbatches }));
  return { kind: "shared", shares, microbatches, why };
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

/** Who was given leave, or the worker whose speed has changed most, by what its old share would take it now. */
function paceChange(before: Division, after: Division): string {
  const old = new Map(before.parts.map((part) => [part.worker, part]));
  const spared = listed(after.parts.filter((part) => part.isOnLeave && !old.get(part.worker)?.isOnLeave).map(({ name }) => name));
  if (spared) return `steps took longer with ${spared} than they take without`;
  const measured = after.parts.filter(({ worker, pace }) => pace && !old.get(worker)?.pace).map(({ name }) => name);
  if (measured.length > 0) return `it is known now how fast ${listed(measured)} can be`;
  const factors = after.parts.flatMap(({ worker, name, pace }) => {
    const then = old.get(worker)!;
    if (!pace || !then.pace) return [];
    const samples = Math.max(1, then.microbatches) * before.samples;
    return [{ name, speedup: duration(samples, then.pace) / duration(samples, pace) }];
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
