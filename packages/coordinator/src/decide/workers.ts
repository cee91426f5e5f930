// Who is there, and how fast each is. Speed is what the coordinator's own clock sees, transfer included, smoothed.

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
  /** Samples a millisecond, exponentially smoothed; undefined until the first contribution. */
  readonly speed?: number;
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

export const smoothed = (before: number | undefined, now: number): number =>
  before === undefined ? now : before + smoothing * (now - before);

export function changed(workers: Workers, id: string, change: Partial<WorkerRecord>): Workers {
  const worker = workers.get(id);
  return worker ? new Map(workers).set(id, { ...worker, ...change }) : workers;
}

export function without(workers: Workers, id: string): Workers {
  const rest = new Map(workers);
  rest.delete(id);
  return rest;
}
