// The worker's session as data: its states, what happens to it, and what it asks for. advance.ts is the function between them.
import type { Sums } from "../engine/engine.ts";
import type { TabgradError } from "../errors.ts";
import type {
  Assignment,
  Availability,
  Contribution,
  FrozenChunk,
  Hello,
  ParametersChunk,
  ToCoordinator,
  ToWorker,
  Welcome,
} from "../protocol/messages.ts";

/** Who a worker is: what its `Hello` says of it. */
export type WorkerIdentity = Omit<Hello, "type" | "protocol">;

/** How much a worker can do, and why. */
export type Readiness = Omit<Availability, "type">;

/** What does not change while a session lives. */
export interface SessionPlan {
  readonly identity: WorkerIdentity;
  /** Give up where no coordinator welcomed this worker for so long, in milliseconds. Default: never. */
  readonly giveUpMs?: number;
}

/** How a session ended. */
export type WorkerOutcome =
  /** The coordinator said goodbye. */
  | { readonly kind: "finished"; readonly reason: string }
  /** The worker was asked to leave. */
  | { readonly kind: "left"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: TabgradError };

export type SessionPhase =
  /** Waiting before the next attempt to connect. */
  | { readonly name: "backingOff"; readonly until: number }
  | { readonly name: "connecting"; readonly since: number }
  /** The socket is open and `Hello` sent. */
  | { readonly name: "greeting"; readonly since: number }
  /** Welcomed: part of the run. */
  | { readonly name: "open"; readonly since: number }
  /** Everything is said; waiting for the socket to close. */
  | { readonly name: "leaving"; readonly outcome: WorkerOutcome; readonly until: number }
  | { readonly name: "closed"; readonly outcome: WorkerOutcome };

/** The engine, which outlives connections. `token` tells the answer to the newest request from those to earlier ones. */
export type EngineState =
  /** Nothing is loaded. */
  | { readonly name: "empty" }
  | { readonly name: "loading"; readonly token: number }
  /** Loading failed once more; it is tried again then. */
  | { readonly name: "waiting"; readonly until: number }
  | { readonly name: "ready" }
  /** `unwanted`: recalled, given back by a pause, or of a connection that is gone; its result goes nowhere. */
  | { readonly name: "computing"; readonly token: number; readonly unwanted: boolean };

/** Whether the coordinator may count on this worker. */
export type Duty =
  | "working"
  /** It was told of a pause: what still arrives was sent before it heard of that. */
  | "paused"
  /** It was told of the pause's end, and has not answered. */
  | "returning";

/** An assignment that is not finished: without the microbatches that were recalled in time. */
export interface HeldAssignment {
  readonly assignment: Assignment;
  readonly arrivedAt: number;
  /** The shards it draws on, in the order in which they are needed. */
  readonly shards: readonly number[];
  /** When its computation began. */
  readonly beganAt?: number;
}

export interface ParameterState {
  /** The newest version of which a chunk came; -1 before the first. */
  readonly newest: number;
  /** Versions of which some chunks are there. */
  readonly arriving: ReadonlySet<number>;
  /** Versions that wait to be handed to the engine, and since when. */
  readonly complete: ReadonlyMap<number, number>;
  /** What the engine computes with, and when it was complete. */
  readonly loaded?: { readonly version: number; readonly completeAt: number };
}

export interface ShardState {
  readonly held: ReadonlySet<number>;
  /** Shards that are being fetched, and how often that failed. */
  readonly fetching: ReadonlyMap<number, number>;
  /** What will probably be needed next. */
  readonly upcoming: readonly number[];
}

export interface UploadState {
  /** Contributions of this connection whose last byte has not left. */
  readonly pending: number;
  /** What the last one took. */
  readonly lastMs: number;
}

export interface SessionState {
  readonly phase: SessionPhase;
  /** Counts sockets, so that what a former one still says is not taken for the present one's. */
  readonly connection: number;
  /** Attempts to connect since the last steady connection. */
  readonly attempt: number;
  /** When something was last heard of the coordinator; while not welcomed, when that was last the case, or the start. */
  readonly heardAt: number;
  readonly welcomedAt: number;
  /** What was last reported to be wrong, so that it is said once. */
  readonly trouble: string;
  /** How often it was reported since then that nothing has changed. */
  readonly reminders: number;
  /** The run that engine and shards belong to. */
  readonly run?: Welcome;
  readonly engine: EngineState;
  readonly nextToken: number;
  /** How often computing, or loading again after that, failed since a computation that did not. */
  readonly failures: number;
  /** What a person or the host wants of this worker. */
  readonly wanted: Readiness;
  /** What the coordinator knows of that, and of the engine, on this connection. */
  readonly told: Readiness;
  readonly duty: Duty;
  /** Why the engine is being made again, while it is. */
  readonly rebuilding: TabgradError | undefined;
  readonly parameters: ParameterState;
  readonly shards: ShardState;
  /** In the order in which they are computed; while the engine computes something wanted, that is the first one. */
  readonly held: readonly HeldAssignment[];
  readonly uploads: UploadState;
  /** When the last computation ended, the session opened, or a pause was over. */
  readonly lastEnd: number;
}

export type SessionEvent =
  | { readonly type: "start" }
  | { readonly type: "tick" }
  | { readonly type: "leave"; readonly reason: string }
  /** What a person or the host wants from now on. */
  | { readonly type: "availability"; readonly wanted: Readiness }
  | { readonly type: "socketOpened"; readonly connection: number }
  /** `error`: why it could not be opened, or broke. */
  | {
      readonly type: "socketClosed";
      readonly connection: number;
      readonly code: number;
      readonly reason: string;
      readonly error?: TabgradError;
    }
  | { readonly type: "message"; readonly connection: number; readonly message: ToWorker }
  /** The coordinator sent what the contract does not allow. */
  | { readonly type: "violation"; readonly connection: number; readonly error: TabgradError }
  /** All chunks of a version were stored. */
  | { readonly type: "parametersComplete"; readonly version: number }
  /** `bytes`: verified. */
  | { readonly type: "shardArrived"; readonly runId: string; readonly shard: number; readonly bytes: ArrayBuffer }
  | { readonly type: "shardFailed"; readonly runId: string; readonly shard: number; readonly error: TabgradError }
  | { readonly type: "loaded"; readonly token: number }
  | { readonly type: "loadFailed"; readonly token: number; readonly error: TabgradError }
  | {
      readonly type: "computed";
      readonly token: number;
      readonly sums: Sums;
      readonly computeMs: number;
      /** The gradient, for training. */
      readonly gradients?: ArrayBuffer;
    }
  | { readonly type: "computeFailed"; readonly token: number; readonly error: TabgradError }
  /** The last byte of a contribution has left. */
  | { readonly type: "uploaded"; readonly connection: number; readonly uploadMs: number };

export type SessionAction =
  | { readonly type: "openSocket"; readonly connection: number }
  /** `abrupt`: without a closing handshake, for a peer that does not answer. */
  | { readonly type: "closeSocket"; readonly code: number; readonly reason: string; readonly abrupt: boolean }
  | { readonly type: "send"; readonly message: ToCoordinator }
  /** Load the run into the engine; shards and parameters of an earlier one are gone with that. */
  | { readonly type: "load"; readonly token: number; readonly run: Welcome }
  /**
   * Forget all parameters, and contributions that have not left: those of a former connection, whose coordinator may have gone on from
   * other versions, or those from before a pause.
   */
  | { readonly type: "resetParameters"; readonly run: Welcome }
  | { readonly type: "storeFrozen"; readonly chunk: FrozenChunk }
  | { readonly type: "storeChunk"; readonly chunk: ParametersChunk }
  | { readonly type: "dropParameters"; readonly version: number }
  | { readonly type: "setParameters"; readonly version: number }
  | { readonly type: "fetchShard"; readonly shard: number }
  | { readonly type: "putShard"; readonly shard: number; readonly bytes: ArrayBuffer }
  | { readonly type: "dropShard"; readonly shard: number }
  | { readonly type: "compute"; readonly token: number; readonly assignment: Assignment }
  | { readonly type: "contribute"; readonly contribution: Contribution; readonly gradients?: ArrayBuffer }
  /** A gradient that nobody wants: keep its buffer. */
  | { readonly type: "recycleGradients"; readonly gradients: ArrayBuffer }
  | { readonly type: "report"; readonly report: SessionReport }
  | { readonly type: "end"; readonly outcome: WorkerOutcome };

/** What a person may want to know, for logs and pages. */
export type SessionReport =
  | { readonly type: "joined"; readonly runId: string }
  /** Not connected; the worker keeps trying. Said again only where the reason is another one. */
  | { readonly type: "retrying"; readonly error: TabgradError }
  /** For the same reason, and for so long already. Said the more rarely the longer it takes. */
  | { readonly type: "stillRetrying"; readonly error: TabgradError; readonly awayMs: number }
  | { readonly type: "assignmentFailed"; readonly assignment: number; readonly error: TabgradError }
  /** The engine failed, and is being made again. Said for every attempt that fails. */
  | { readonly type: "rebuilding"; readonly error: TabgradError }
  /** The engine is there again. */
  | { readonly type: "rebuilt" };

/** What a session is doing, in one word: for pages, logs and tests. */
export type Activity =
  | "connecting"
  | "greeting"
  | "backingOff"
  /** Its user or host wants a pause. */
  | "paused"
  | "loading"
  /** The engine failed, and is being made again. */
  | "rebuilding"
  | "waitingForAssignment"
  | "waitingForParameters"
  | "fetching"
  | "computing"
  | "uploading"
  | "leaving"
  | "closed";

export function activityOf(state: SessionState): Activity {
  if (state.phase.name !== "open") return state.phase.name;
  if (state.wanted.state === "paused") return "paused";
  if (state.rebuilding) return "rebuilding";
  if (state.engine.name === "loading") return "loading";
  if (state.duty === "returning") return "waitingForParameters";
  if (state.engine.name === "computing" && !state.engine.unwanted) return "computing";
  const [head] = state.held;
  if (!head) return state.uploads.pending > 0 ? "uploading" : "waitingForAssignment";
  const { version } = head.assignment;
  if (state.parameters.loaded?.version !== version && !state.parameters.complete.has(version)) return "waitingForParameters";
  if (!head.shards.every((shard) => state.shards.held.has(shard))) return "fetching";
  return state.engine.name === "computing" ? "computing" : "uploading";
}

const noParameters: ParameterState = { newest: -1, arriving: new Set(), complete: new Map() };
export const noShards: ShardState = { held: new Set(), fetching: new Map(), upcoming: [] };
const noUploads: UploadState = { pending: 0, lastMs: 0 };
const available: Readiness = { state: "available", reason: "" };

/** What begins anew with every connection. */
export const withoutConnection = {
  parameters: noParameters,
  held: [],
  uploads: noUploads,
  told: available,
  duty: "working",
  rebuilding: undefined,
} as const;

/** A computation cannot be stopped; its result can be left alone. */
export function unwanted({ engine }: SessionState): EngineState {
  return engine.name === "computing" ? { ...engine, unwanted: true } : engine;
}

export function initialSession(now: number): SessionState {
  return {
    phase: { name: "backingOff", until: now },
    connection: 0,
    attempt: 0,
    heardAt: now,
    welcomedAt: now,
    trouble: "",
    reminders: 0,
    engine: { name: "empty" },
    nextToken: 1,
    failures: 0,
    lastEnd: now,
    wanted: available,
    shards: noShards,
    ...withoutConnection,
  };
}
