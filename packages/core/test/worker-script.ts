// What the tests of the worker's session share: a session whose world is a script, and the words of its coordinator.
import { expect } from "vitest";
import { TabgradError } from "../src/errors.ts";
import type { Assignment, AvailabilityState, ToWorker, Welcome } from "../src/protocol/index.ts";
import {
  activityOf,
  advance,
  initialSession,
  nextWake,
  type SessionAction,
  type SessionEvent,
  type SessionPlan,
  type SessionState,
} from "../src/worker/index.ts";

export const identity = {
  workerId: "00112233445566778899aabbccddeeff",
  name: "test",
  host: "node",
  engine: "cpu",
  device: "",
  software: "",
} as const;

export const welcome: Welcome = {
  type: "welcome",
  runId: "run",
  graph: "{}",
  metrics: [],
  microbatchSize: 4,
  chunkElements: 4,
  parameterElements: 8,
  fields: [{ name: "x", storage: "float32", shape: [] }],
  shards: Array.from({ length: 10 }, (_, i) => ({ hash: String(i).repeat(64), bytes: 16, samples: 4 })),
  seed: 1,
  silenceMs: 5000,
  worker: "w1",
  exact: false,
};

export const chunk = (version: number, index = 0): ToWorker => ({
  type: "parametersChunk",
  version,
  chunk: index,
  values: new Float32Array(4),
});

export function assignment(
  id: number,
  { version = 0, shards = [0], upcoming = [] as number[], microbatches = [0] } = {},
): Assignment {
  return {
    type: "assignment",
    assignment: id,
    purpose: "train",
    step: version + 1,
    version,
    microbatches: microbatches.map((index) => ({ index, slices: shards.map((shard) => ({ shard, samples: [0] })) })),
    upcomingShards: upcoming,
  };
}

export const error = (message = "broken"): TabgradError => new TabgradError("ENGINE_FAILED", message, "");
export const buffer = new ArrayBuffer(16);

/** A session whose world is this script. */
export class Script {
  now = 0;
  state: SessionState = initialSession(0);
  /** Of the last event. */
  actions: readonly SessionAction[] = [];
  /** Of all events since it was last emptied. */
  readonly log: SessionAction[] = [];
  /** How many assignments there were: their names. */
  assignments = 0;
  readonly plan: SessionPlan;

  constructor(plan: Partial<SessionPlan> = {}) {
    this.plan = { identity, ...plan };
  }

  /** Happens `after` milliseconds after the one before. */
  on(event: SessionEvent, after = 0): this {
    this.now += after;
    ({ state: this.state, actions: this.actions } = advance(this.plan, this.state, event, this.now));
    this.log.push(...this.actions);
    return this;
  }

  message(message: ToWorker, after = 0): this {
    return this.on({ type: "message", connection: this.state.connection, message }, after);
  }

  /** All of a version. */
  parameters(version: number, after = 0): this {
    return this.message(chunk(version), after).on({ type: "parametersComplete", version });
  }

  shard(shard: number, after = 0): this {
    return this.on({ type: "shardArrived", runId: this.state.run?.runId ?? "", shard, bytes: buffer }, after);
  }

  computed(after = 0): this {
    const { engine } = this.state;
    const token = engine.name === "computing" ? engine.token : -1;
    const sums = { samples: 1, lossSum: 2, metricSums: [3] };
    return this.on({ type: "computed", token, sums, computeMs: 7, gradients: buffer }, after);
  }

  computeFails(failure: TabgradError): this {
    const { engine } = this.state;
    return this.on({ type: "computeFailed", token: engine.name === "computing" ? engine.token : -1, error: failure });
  }

  available(state: AvailabilityState, reason = ""): this {
    return this.on({ type: "availability", wanted: { state, reason } });
  }

  closed(code: number, failure?: TabgradError): this {
    return this.on({ type: "socketClosed", connection: this.state.connection, code, reason: "", error: failure });
  }

  /** To the moment the session asked to be woken at. */
  sleep(): this {
    this.now = nextWake(this.plan, this.state)!;
    return this.on({ type: "tick" });
  }

  connected(): this {
    return this.on({ type: "start" }).on({ type: "socketOpened", connection: 1 });
  }

  welcomed(run = welcome): this {
    this.message(run);
    const { engine } = this.state;
    return engine.name === "loading" ? this.on({ type: "loaded", token: engine.token }) : this;
  }

  open(): this {
    return this.connected().welcomed();
  }

  /** Computing assignment 1 on version 0. */
  computing(): this {
    return this.open().parameters(0).message(assignment(1)).shard(0);
  }

  get activity(): string {
    return activityOf(this.state);
  }

  types(): string[] {
    return this.actions.map((action) => action.type);
  }

  action<T extends SessionAction["type"]>(type: T): SessionAction & { type: T } {
    const found = this.actions.filter((action) => action.type === type);
    expect(found, `actions of type ${type} among ${this.types().join(", ")}`).toHaveLength(1);
    return found[0] as SessionAction & { type: T };
  }

  get outcome(): unknown {
    return this.state.phase.name === "closed" ? this.state.phase.outcome : undefined;
  }
}
