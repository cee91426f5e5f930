// The worker's session under scripted events and a virtual clock: every state, and every way to fail.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { closeCodes, TabgradError } from "../src/errors.ts";
import { type Assignment, bounds, protocolViolation, type ToWorker, type Welcome } from "../src/protocol/index.ts";
import {
  activityOf,
  advance,
  backOffMs,
  initialSession,
  nextWake,
  type SessionAction,
  type SessionEvent,
  type SessionPlan,
  type SessionState,
} from "../src/worker/index.ts";

const identity = {
  workerId: "00112233445566778899aabbccddeeff",
  name: "test",
  host: "node",
  engine: "cpu",
  device: "",
  software: "",
} as const;

const welcome: Welcome = {
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
};

const chunk = (version: number, index = 0): ToWorker => ({
  type: "parametersChunk",
  version,
  chunk: index,
  values: new Float32Array(4),
});

function assignment(id: number, { version = 0, shards = [0], upcoming = [] as number[], microbatches = [0] } = {}): Assignment {
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

const error = (message = "broken"): TabgradError => new TabgradError("ENGINE_FAILED", message, "");
const buffer = new ArrayBuffer(16);

/** A session whose world is this script. */
class Script {
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

describe("connecting", () => {
  it("opens a socket, says hello, is welcomed, loads the run, and waits for work", () => {
    const script = new Script().on({ type: "start" });
    expect(script.activity).toBe("connecting");
    expect(script.actions).toEqual([{ type: "openSocket", connection: 1 }]);
    script.on({ type: "socketOpened", connection: 1 });
    expect(script.activity).toBe("greeting");
    expect(script.action("send").message).toEqual({ type: "hello", protocol: 1, ...identity });
    script.message(welcome);
    expect(script.activity).toBe("loading");
    expect(script.types()).toEqual(["load", "resetParameters", "report"]);
    script.on({ type: "loaded", token: 1 });
    expect(script.activity).toBe("waitingForAssignment");
  });

  it("backs off: doubling delays with a ceiling, told once for each reason", () => {
    const script = new Script().on({ type: "start" });
    const refusedError = new TabgradError("COORDINATOR_UNREACHABLE", "nothing listens", "");
    const delays: number[] = [];
    const reports: number[] = [];
    for (let attempt = 0; attempt < 9; attempt += 1) {
      const failure = attempt < 5 ? refusedError : new TabgradError("COORDINATOR_UNREACHABLE", "timed out", "");
      script.closed(1006, failure);
      expect(script.activity).toBe("backingOff");
      if (script.types().includes("report")) reports.push(attempt);
      delays.push(nextWake(script.plan, script.state)! - script.now);
      script.sleep();
      expect(script.activity).toBe("connecting");
    }
    expect(reports).toEqual([0, 5]);
    delays.forEach((delay, attempt) => {
      const whole = Math.min(5000, 100 * 2 ** attempt);
      expect(delay).toBeGreaterThanOrEqual(whole / 2 - 1e-6);
      expect(delay).toBeLessThanOrEqual(whole + 1e-6);
    });
  });

  it("spreads workers: the delay differs from worker to worker and stays the same for one", () => {
    expect(backOffMs(identity.workerId, 3)).toBe(backOffMs(identity.workerId, 3));
    expect(backOffMs(identity.workerId, 3)).not.toBe(backOffMs("f0112233445566778899aabbccddeeff", 3));
  });

  it("begins again with the shortest delay after a steady connection, and not after a brief one", () => {
    const brief = new Script().open();
    brief.closed(1006).sleep().on({ type: "socketOpened", connection: 2 }).welcomed().closed(1006);
    expect(brief.state.attempt).toBe(2);
    const steady = new Script().open().message({ type: "ping", nonce: 1 }, 6000).closed(1006);
    expect(steady.state.attempt).toBe(1);
  });

  it("gives up on a socket that does not open, and on a coordinator that does not answer", () => {
    const unopened = new Script().on({ type: "start" }).sleep();
    expect(unopened.now).toBe(10_000);
    expect(unopened.action("closeSocket").abrupt).toBe(true);
    expect(unopened.activity).toBe("backingOff");
    const unanswered = new Script().connected().sleep();
    expect(unanswered.activity).toBe("backingOff");
    expect(unanswered.action("report").report).toMatchObject({ error: { code: "COORDINATOR_UNREACHABLE" } });
  });

  it("ignores what a former socket says", () => {
    const script = new Script().open().closed(1006).sleep();
    const { state } = script;
    script.on({ type: "socketOpened", connection: 1 }).on({ type: "socketClosed", connection: 1, code: 1000, reason: "" });
    script.on({ type: "message", connection: 1, message: assignment(1) }).on({ type: "uploaded", connection: 1, uploadMs: 1 });
    expect(script.state).toBe(state);
  });

  it("ends where trying again is useless: another service, another version", () => {
    for (const code of ["NOT_A_COORDINATOR", "PROTOCOL_VERSION"] as const) {
      const script = new Script().on({ type: "start" }).closed(1006, new TabgradError(code, "no", ""));
      expect(script.outcome).toMatchObject({ kind: "failed", error: { code } });
      expect(script.types()).toEqual(["end"]);
    }
  });

  it("keeps trying where the address once was a coordinator's", () => {
    const script = new Script().open().closed(1006).sleep();
    expect(script.closed(1006, new TabgradError("NOT_A_COORDINATOR", "a proxy", "")).activity).toBe("backingOff");
  });

  it("gives up after the time it was given without a coordinator", () => {
    const script = new Script({ giveUpMs: 3000 }).on({ type: "start" });
    for (let i = 0; i < 100 && !script.outcome; i += 1) {
      if (script.activity === "connecting") script.closed(1006, new TabgradError("COORDINATOR_UNREACHABLE", "nothing listens", ""));
      script.sleep();
    }
    expect(script.now).toBe(3000);
    expect(script.outcome).toMatchObject({
      kind: "failed",
      error: { code: "COORDINATOR_UNREACHABLE", message: expect.stringMatching(/3 s: .*nothing/) },
    });
  });

  it("counts that time from the loss of a connection", () => {
    const script = new Script({ giveUpMs: 3000 }).open();
    script.message({ type: "ping", nonce: 1 }, 60_000).closed(1006);
    expect(script.activity).toBe("backingOff");
    for (let i = 0; i < 100 && !script.outcome; i += 1) {
      if (script.activity === "connecting") script.closed(1006);
      script.sleep();
    }
    expect(script.now).toBe(63_000);
  });
});

describe("the coordinator's word", () => {
  it("refuses for good: the worker ends with its code", () => {
    const script = new Script().connected().message({ type: "refused", code: "PROTOCOL_VERSION", reason: "too old", retry: false });
    expect(script.activity).toBe("leaving");
    script.closed(4001);
    expect(script.outcome).toMatchObject({
      kind: "failed",
      error: { code: "PROTOCOL_VERSION", message: expect.stringContaining("too old") },
    });
  });

  it("refuses for now: the worker tries again", () => {
    const script = new Script().connected().message({ type: "refused", code: "UNHEARD_OF", reason: "full", retry: true });
    expect(script.activity).toBe("backingOff");
    expect(script.types()).toEqual(["closeSocket", "report"]);
  });

  it("says goodbye: the worker is done, or comes back", () => {
    const done = new Script().open().message({ type: "goodbye", reason: "finished", reconnect: false });
    expect(done.activity).toBe("leaving");
    expect(done.action("closeSocket")).toMatchObject({ code: 1000, abrupt: false });
    expect(done.closed(1000).outcome).toEqual({ kind: "finished", reason: "finished" });
    expect(new Script().open().message({ type: "goodbye", reason: "", reconnect: true }).activity).toBe("backingOff");
  });

  it("pings: the worker answers at once, in every state", () => {
    for (const script of [new Script().connected(), new Script().open(), new Script().computing()]) {
      expect(script.message({ type: "ping", nonce: 9 }).actions).toEqual([{ type: "send", message: { type: "pong", nonce: 9 } }]);
    }
  });

  it.each([
    [closeCodes.protocolVersion, "PROTOCOL_VERSION"],
    [closeCodes.protocolViolation, "PROTOCOL_VIOLATION"],
    [closeCodes.refused, "CONNECTION_LOST"],
  ])("closes with %i: the worker ends", (code, expected) => {
    expect(new Script().open().closed(code).outcome).toMatchObject({ kind: "failed", error: { code: expected } });
  });

  it.each([1000, 1001, 1006, 1011])("closes with %i and no word: the worker comes back", (code) => {
    expect(new Script().open().closed(code).activity).toBe("backingOff");
  });

  it("is not sense: the worker closes with 4002 and ends", () => {
    const script = new Script().open().on({ type: "violation", connection: 1, error: protocolViolation("nonsense") });
    expect(script.action("closeSocket").code).toBe(closeCodes.protocolViolation);
    expect(script.closed(4002).outcome).toMatchObject({ kind: "failed", error: { code: "PROTOCOL_VIOLATION" } });
  });

  it.each<[string, (script: Script) => Script, string]>([
    ["work before Welcome", (script) => script.connected().message(assignment(1)), "before Welcome"],
    ["a second Welcome", (script) => script.open().message(welcome), "a second Welcome"],
    ["a shard that is not there", (script) => script.open().message(assignment(1, { shards: [10] })), "shard 10 of a dataset"],
    [
      "a look-ahead that is not there",
      (script) => script.open().message(assignment(1, { upcoming: [11] })),
      "shard 11 of a dataset",
    ],
    ["an assignment twice", (script) => script.open().message(assignment(1)).message(assignment(1)), "came twice"],
  ])("is against the contract: %s", (_, play, message) => {
    const script = play(new Script());
    expect(script.state.phase).toMatchObject({
      name: "leaving",
      outcome: { kind: "failed", error: { message: expect.stringContaining(message) } },
    });
  });

  it("is too much to hold", () => {
    const assignments = new Script().open();
    for (let id = 1; id <= bounds.heldAssignments; id += 1) assignments.message(assignment(id));
    expect(assignments.activity).not.toBe("leaving");
    expect(assignments.message(assignment(0)).activity).toBe("leaving");
    const versions = new Script().open();
    for (let version = 0; version < bounds.waitingVersions; version += 1)
      versions.message(assignment(version, { version })).message(chunk(version));
    expect(versions.activity).not.toBe("leaving");
    expect(versions.message(chunk(99)).activity).toBe("leaving");
  });
});

describe("silence", () => {
  it("of the coordinator ends the connection after the time that Welcome states, counted from the last message", () => {
    const script = new Script().open();
    script.message({ type: "ping", nonce: 1 }, 3000);
    expect(nextWake(script.plan, script.state)).toBe(8000);
    script.on({ type: "tick" }, 4999);
    expect(script.activity).toBe("waitingForAssignment");
    script.on({ type: "tick" }, 1);
    expect(script.activity).toBe("backingOff");
    expect(script.action("closeSocket").abrupt).toBe(true);
    expect(script.action("report").report).toMatchObject({
      error: { code: "CONNECTION_LOST", message: expect.stringContaining("5000 ms") },
    });
  });

  it("of this machine, asleep, does not: what arrived meanwhile is still to be read", () => {
    const script = new Script().open().on({ type: "tick" }, 3_600_000);
    expect(script.activity).toBe("waitingForAssignment");
    expect(nextWake(script.plan, script.state)).toBe(script.now + 5000);
  });
});

describe("an assignment", () => {
  it("waits for its parameters, then for its shards, is computed and contributed", () => {
    const script = new Script().open().message(assignment(7, { microbatches: [3, 5] }), 10);
    expect(script.activity).toBe("waitingForParameters");
    expect(script.actions).toEqual([{ type: "fetchShard", shard: 0 }]);
    script.message(chunk(0));
    expect(script.types()).toEqual(["storeChunk"]);
    script.on({ type: "parametersComplete", version: 0 }, 20);
    expect(script.actions).toEqual([{ type: "setParameters", version: 0 }]);
    expect(script.activity).toBe("fetching");
    script.shard(0, 30);
    expect(script.types()).toEqual(["putShard", "compute"]);
    expect(script.activity).toBe("computing");
    script.computed(40);
    expect(script.actions).toEqual([
      {
        type: "contribute",
        contribution: {
          type: "contribution",
          assignment: 7,
          step: 1,
          version: 0,
          microbatches: [3, 5],
          samples: 1,
          lossSum: 2,
          metricSums: [3],
          timings: { waitMs: 30, fetchMs: 30, computeMs: 7, uploadMs: 0 },
        },
        gradients: buffer,
      },
    ]);
    expect(script.activity).toBe("uploading");
    expect(script.on({ type: "uploaded", connection: 1, uploadMs: 4 }).activity).toBe("waitingForAssignment");
  });

  it("states the time of the upload before it, and what it waited since then", () => {
    const script = new Script().computing().computed(100).on({ type: "uploaded", connection: 1, uploadMs: 6 }, 6);
    script
      .message(chunk(1), 4)
      .message(assignment(2, { version: 1 }), 1)
      .on({ type: "parametersComplete", version: 1 }, 2);
    expect(script.types()).toEqual(["setParameters", "compute"]);
    expect(script.computed(50).action("contribute").contribution.timings).toEqual({
      waitMs: 13,
      fetchMs: 0,
      computeMs: 7,
      uploadMs: 6,
    });
  });

  it("has its parameters in the engine before it arrives, where nothing else is to do", () => {
    expect(new Script().open().parameters(0).actions).toEqual([{ type: "setParameters", version: 0 }]);
  });

  it("may come early: it is held while another is computed, and its parameters gather meanwhile", () => {
    const script = new Script()
      .computing()
      .message(assignment(2, { version: 1 }))
      .message(chunk(1));
    expect(script.types()).toEqual(["storeChunk"]);
    script.on({ type: "parametersComplete", version: 1 });
    expect(script.actions).toEqual([]);
    script.computed();
    expect(script.types()).toEqual(["contribute", "setParameters", "compute"]);
    expect(script.action("setParameters").version).toBe(1);
  });

  it("keeps its parameters while newer ones arrive; those in between are dropped", () => {
    const script = new Script()
      .computing()
      .message(assignment(2, { version: 1 }))
      .parameters(1);
    script.parameters(2).message(chunk(3));
    expect(script.actions.filter(({ type }) => type === "dropParameters")).toEqual([]);
    script.on({ type: "parametersComplete", version: 3 });
    expect(script.actions).toEqual([{ type: "dropParameters", version: 2 }]);
    script.computed();
    expect(script.action("setParameters").version).toBe(1);
    script.computed();
    expect(script.action("setParameters").version).toBe(3);
  });

  it("fails where its parameters are gone", () => {
    const script = new Script()
      .open()
      .parameters(0)
      .parameters(1)
      .message(assignment(1, { version: 0 }));
    expect(script.action("send").message).toMatchObject({
      type: "failed",
      assignment: 1,
      reason: expect.stringContaining("version 0"),
    });
    expect(script.activity).toBe("waitingForAssignment");
  });

  it("that names an older version than the one before it goes back when its turn comes, and holds up nobody", () => {
    const script = new Script().computing();
    [1, 0, 1].forEach((version, i) => script.message(assignment(i + 2, { version })));
    script.parameters(1).computed();
    expect(script.action("compute").assignment.assignment).toBe(2);
    script.on({ type: "uploaded", connection: 1, uploadMs: 1 }).computed();
    expect(script.action("send").message).toMatchObject({ type: "failed", assignment: 3 });
    expect(script.action("compute").assignment.assignment).toBe(4);
  });

  it("of an evaluation brings no gradient", () => {
    const script = new Script().open().parameters(0).shard(0);
    script.message({ ...assignment(1), purpose: "evaluate" }).shard(0);
    const { token } = script.action("compute");
    script.on({ type: "computed", token, sums: { samples: 1, lossSum: 0, metricSums: [] }, computeMs: 1 });
    expect(script.action("contribute").gradients).toBeUndefined();
  });

  it("waits where two contributions have not left yet", () => {
    const script = new Script().computing().message(assignment(2)).message(assignment(3)).computed().computed();
    expect(script.types()).toEqual(["contribute"]);
    expect(script.activity).toBe("uploading");
    script.on({ type: "uploaded", connection: 1, uploadMs: 1 });
    expect(script.types()).toEqual(["compute"]);
  });
});

describe("a recall", () => {
  const recall = (id: number, microbatches: number[] = []): ToWorker => ({ type: "recall", assignment: id, microbatches });

  it("before the computation leaves the other microbatches, or nothing", () => {
    const script = new Script().computing().message(assignment(2, { microbatches: [4, 5, 6] }));
    script.message(recall(2, [5])).computed();
    expect(script.action("compute").assignment.microbatches.map(({ index }) => index)).toEqual([4, 6]);
    const all = new Script().computing().message(assignment(2)).message(recall(2)).computed();
    expect(all.types()).toEqual(["contribute"]);
    const each = new Script()
      .computing()
      .message(assignment(2, { microbatches: [4, 5] }))
      .message(recall(2, [4]))
      .message(recall(2, [5]));
    expect(each.state.held).toHaveLength(1);
  });

  it("of all of it during the computation throws the result away", () => {
    const script = new Script().computing().message(recall(1));
    expect(script.activity).toBe("waitingForAssignment");
    script.computed();
    expect(script.actions).toEqual([{ type: "recycleGradients", gradients: buffer }]);
  });

  it("of a part during the computation changes nothing: the contribution names what is in it", () => {
    const script = new Script()
      .open()
      .parameters(0)
      .message(assignment(1, { microbatches: [1, 2] }))
      .shard(0);
    script.message(recall(1, [2])).computed();
    expect(script.action("contribute").contribution.microbatches).toEqual([1, 2]);
  });

  it("frees the next one only when the engine is", () => {
    const script = new Script().computing().message(assignment(2)).message(recall(1));
    expect(script.types()).toEqual([]);
    expect(script.computed().types()).toEqual(["recycleGradients", "compute"]);
  });

  it("of something unknown, or done, is ignored", () => {
    const script = new Script().computing();
    const { held } = script.state;
    expect(script.message(recall(99)).state.held).toBe(held);
  });

  it("spares shards that were only needed for what it takes away", () => {
    const script = new Script()
      .open()
      .parameters(0)
      .message(assignment(1, { shards: [3] }))
      .message(recall(1));
    expect(script.shard(3).actions).toEqual([]);
    expect(script.state.shards.held.size).toBe(0);
  });
});

describe("shards", () => {
  it("are fetched a few at a time, those of the next assignment first, and dropped when nothing names them", () => {
    const script = new Script().open().parameters(0);
    script.message(assignment(1, { shards: [2, 1], upcoming: [1, 5, 6, 7] }));
    expect(script.actions).toEqual([2, 1, 5, 6].map((shard) => ({ type: "fetchShard", shard })));
    script.shard(1);
    expect(script.actions).toEqual([
      { type: "putShard", shard: 1, bytes: buffer },
      { type: "fetchShard", shard: 7 },
    ]);
    for (const shard of [2, 5, 6, 7]) script.shard(shard);
    script.message(assignment(2, { shards: [5], upcoming: [7] }));
    expect(script.actions).toEqual([{ type: "dropShard", shard: 6 }]);
    expect([...script.state.shards.held].sort()).toEqual([1, 2, 5, 7]);
    script.computed().message(assignment(3, { shards: [5], upcoming: [7] }));
    expect(script.actions).toEqual([
      { type: "dropShard", shard: 1 },
      { type: "dropShard", shard: 2 },
    ]);
  });

  it("that cannot be had are asked for three times; then the assignments that need them go back, and the others go on", () => {
    const script = new Script()
      .open()
      .parameters(0)
      .message(assignment(1, { shards: [3], upcoming: [4] }))
      .message(assignment(2, { shards: [4] }));
    script.shard(4);
    const failed: SessionEvent = {
      type: "shardFailed",
      runId: "run",
      shard: 3,
      error: new TabgradError("DATA_SHARD_CORRUPT", "another hash", ""),
    };
    expect(script.on(failed).actions).toEqual([{ type: "fetchShard", shard: 3 }]);
    expect(script.on(failed).actions).toEqual([{ type: "fetchShard", shard: 3 }]);
    script.on(failed);
    expect(script.action("send").message).toEqual({
      type: "failed",
      assignment: 1,
      reason: "another hash",
      code: "DATA_SHARD_CORRUPT",
    });
    expect(script.action("compute").assignment.assignment).toBe(2);
    expect(script.on(failed).actions).toEqual([]);
    expect(script.message(assignment(5, { shards: [3] })).actions).toContainEqual({ type: "fetchShard", shard: 3 });
  });

  it("that were only expected and cannot be had are forgotten without a word", () => {
    const script = new Script().open().message(assignment(1, { shards: [0], upcoming: [8] }));
    const failed: SessionEvent = { type: "shardFailed", runId: "run", shard: 8, error: error() };
    script.on(failed).on(failed).on(failed);
    expect(script.actions).toEqual([]);
  });
});

describe("a lost connection", () => {
  it("costs what was held, but not the shards and the loaded run, if the run is the same", () => {
    const script = new Script().computing().message(assignment(2)).closed(1006);
    expect(script.state.held).toEqual([]);
    script.sleep().on({ type: "socketOpened", connection: 2 });
    expect(script.action("send").message).toMatchObject({ type: "hello", workerId: identity.workerId });
    script.message(welcome);
    expect(script.types()).toEqual(["resetParameters", "report"]);
    expect([...script.state.shards.held]).toEqual([0]);
    expect(script.computed().types()).toEqual(["recycleGradients"]);
    script.parameters(0).message(assignment(1));
    expect(script.types()).toEqual(["compute"]);
  });

  it("costs everything if the run is another one", () => {
    const script = new Script().computing().closed(1006).sleep().on({ type: "socketOpened", connection: 2 });
    script.message({ ...welcome, runId: "another" });
    expect(script.types()).toEqual(["load", "resetParameters", "report"]);
    expect(script.state.shards.held.size).toBe(0);
    // What the engine was doing is of no use to anyone.
    const { state } = script;
    expect(script.computed().state).toEqual(state);
    expect(script.shard(0).state).toEqual(state);
  });

  it("may go back to earlier versions of the parameters: the coordinator went on from a checkpoint", () => {
    const script = new Script().open().parameters(40).closed(1006).sleep().on({ type: "socketOpened", connection: 2 }).welcomed();
    expect(script.parameters(30).actions).toEqual([{ type: "setParameters", version: 30 }]);
  });

  it("during loading lets the loading go on", () => {
    const script = new Script().connected().message(welcome).closed(1006).on({ type: "loaded", token: 1 }).sleep();
    expect(script.on({ type: "socketOpened", connection: 2 }).message(welcome).types()).toEqual(["resetParameters", "report"]);
  });
});

describe("a failing engine", () => {
  it("gives the assignment back and is loaded again with a new connection; at the third time in a row, the worker ends", () => {
    const script = new Script().connected();
    for (let failures = 1; failures <= 3; failures += 1) {
      script.message(welcome);
      expect(script.types()).toContain("load");
      const { engine } = script.state;
      script.on({ type: "loaded", token: engine.name === "loading" ? engine.token : -1 });
      script.parameters(0).message(assignment(1)).shard(0);
      script.on({ type: "computeFailed", token: script.action("compute").token, error: error("device lost") });
      expect(script.actions[0]).toEqual({
        type: "send",
        message: { type: "failed", assignment: 1, reason: "device lost", code: "ENGINE_FAILED" },
      });
      if (failures < 3) {
        expect(script.action("closeSocket").abrupt).toBe(false);
        script.sleep().on({ type: "socketOpened", connection: failures + 1 });
      }
    }
    expect(script.activity).toBe("leaving");
    expect(script.actions).toContainEqual({ type: "send", message: { type: "leaving", reason: "device lost" } });
    expect(script.closed(1000).outcome).toMatchObject({ kind: "failed", error: { code: "ENGINE_FAILED" } });
  });

  it("forgives failures once it succeeds", () => {
    const script = new Script().computing();
    script.on({ type: "computeFailed", token: 2, error: error() }).sleep().on({ type: "socketOpened", connection: 2 }).welcomed();
    expect(script.state.failures).toBe(1);
    script.parameters(0).message(assignment(1)).shard(0).computed();
    expect(script.state.failures).toBe(0);
  });

  it("that cannot run this model leaves, and says why", () => {
    const script = new Script().connected().message(welcome);
    script.on({ type: "loadFailed", token: 1, error: new TabgradError("ENGINE_UNSUPPORTED", "no such operation", "") });
    expect(script.actions).toContainEqual({ type: "send", message: { type: "leaving", reason: "no such operation" } });
    expect(script.closed(1000).outcome).toMatchObject({ kind: "failed", error: { code: "ENGINE_UNSUPPORTED" } });
  });

  it("is not to blame where the coordinator's own words do not fit together", () => {
    const script = new Script().computing().on({ type: "computeFailed", token: 2, error: protocolViolation("sample 9 of 4") });
    expect(script.action("closeSocket").code).toBe(closeCodes.protocolViolation);
  });
});

describe("leaving", () => {
  it("is said, does not wait for the computation, and ends when the socket is closed", () => {
    const script = new Script().computing().on({ type: "leave", reason: "enough" });
    expect(script.types()).toEqual(["send", "closeSocket"]);
    expect(script.action("send").message).toEqual({ type: "leaving", reason: "enough" });
    expect(script.activity).toBe("leaving");
    expect(script.message(assignment(9)).actions).toEqual([]);
    expect(script.computed().types()).toEqual(["recycleGradients"]);
    script.closed(1000);
    expect(script.types()).toEqual(["end"]);
    expect(script.outcome).toEqual({ kind: "left", reason: "enough" });
  });

  it("does not wait for a socket that does not close, nor at a second request", () => {
    const patient = new Script().open().on({ type: "leave", reason: "" }).sleep();
    expect(patient.now).toBe(2000);
    expect(patient.types()).toEqual(["closeSocket", "end"]);
    const impatient = new Script().open().on({ type: "leave", reason: "" }).on({ type: "leave", reason: "" });
    expect(impatient.types()).toEqual(["closeSocket", "end"]);
  });

  it("is immediate where nothing is connected", () => {
    expect(new Script().on({ type: "start" }).on({ type: "leave", reason: "" }).types()).toEqual(["closeSocket", "end"]);
    expect(new Script().on({ type: "start" }).closed(1006).on({ type: "leave", reason: "" }).types()).toEqual(["end"]);
  });

  it("is the end: nothing happens after it", () => {
    const script = new Script().on({ type: "start" }).on({ type: "leave", reason: "" });
    const { state } = script;
    expect(script.on({ type: "tick" }).on({ type: "start" }).on({ type: "leave", reason: "" }).state).toBe(state);
    expect(nextWake(script.plan, state)).toBeUndefined();
  });
});

describe("whatever happens, in whatever order", () => {
  type Play = (script: Script) => void;
  const pick = <T>(items: Iterable<T>, n: number): T | undefined => {
    const list = [...items];
    return list[n % list.length];
  };
  const isOpen = ({ state }: Script): boolean => state.phase.name === "open";

  /** What a coordinator that keeps to the contract may do, and what may become of it; `n` chooses. */
  const plays = {
    parameters: (n) => (script) => {
      const { newest } = script.state.parameters;
      if (isOpen(script)) script.message(chunk(Math.max(0, newest < 0 || n % 4 === 0 ? newest + 1 : newest - (n % 2))));
    },
    complete: (n) => (script) => {
      const version = pick(script.state.parameters.arriving, n);
      if (version !== undefined) script.on({ type: "parametersComplete", version });
    },
    assign: (n) => (script) => {
      if (!isOpen(script) || script.state.held.length > 20) return;
      const version = Math.max(0, script.state.parameters.newest) + (n % 16 === 0 ? 1 : 0);
      const shards = [n % 10, (n >> 4) % 10].slice(0, 1 + (n % 2));
      script.assignments += 1;
      script.message(assignment(script.assignments, { version, shards: [...new Set(shards)], upcoming: [(n >> 8) % 10] }));
    },
    recall: (n) => (script) => {
      const held = pick(script.state.held, n);
      if (held) script.message({ type: "recall", assignment: held.assignment.assignment, microbatches: [] });
    },
    shard: (n) => (script) => {
      const shard = pick(script.state.shards.fetching.keys(), n);
      if (shard !== undefined) script.shard(shard);
    },
    shardFails: (n) => (script) => {
      const shard = pick(script.state.shards.fetching.keys(), n);
      if (shard !== undefined) script.on({ type: "shardFailed", runId: script.state.run!.runId, shard, error: error() });
    },
    computed: () => (script) => void script.computed(1),
    computeFails: () => (script) => {
      const { engine } = script.state;
      if (engine.name === "computing") script.on({ type: "computeFailed", token: engine.token, error: error() });
    },
    uploaded: () => (script) => {
      if (script.state.uploads.pending > 0) script.on({ type: "uploaded", connection: script.state.connection, uploadMs: 1 });
    },
    disconnected: () => (script) => void script.closed(1006),
    reconnect: (n) => (script) => {
      if (script.activity === "backingOff") script.sleep();
      script.on({ type: "socketOpened", connection: script.state.connection });
      if (script.activity === "greeting") script.welcomed(n % 4 === 0 ? { ...welcome, runId: `run ${n}` } : script.state.run);
    },
    silence: () => (script) => void (nextWake(script.plan, script.state) !== undefined && script.sleep()),
  } satisfies Record<string, (n: number) => Play>;

  const weights: Record<keyof typeof plays, number> = {
    parameters: 8,
    complete: 12,
    assign: 12,
    recall: 2,
    shard: 16,
    shardFails: 2,
    computed: 12,
    computeFails: 1,
    uploaded: 8,
    disconnected: 1,
    reconnect: 16,
    silence: 1,
  };
  const step = fc.oneof(
    ...Object.entries(plays).map(([name, play]) => ({
      weight: weights[name as keyof typeof plays],
      arbitrary: fc.nat(4095).map((n): Play => play(n)),
    })),
  );

  it("nothing gets stuck: where the world does its part, everything that is held gets done or goes back", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
        const script = new Script().open();
        for (const play of steps) play(script);
        for (let round = 0; round < 1000 && script.state.held.length > 0; round += 1) {
          const { engine, parameters, shards, uploads, held } = script.state;
          if (engine.name === "computing") plays.computed()(script);
          else if (shards.fetching.size > 0) plays.shard(0)(script);
          else if (parameters.arriving.size > 0) plays.complete(0)(script);
          else if (held[0].assignment.version > parameters.newest) script.message(chunk(parameters.newest + 1));
          else if (uploads.pending > 0) plays.uploaded()(script);
          else break;
        }
        expect(script.state.held).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("the engine does one thing at a time, with the right parameters and all shards there", () => {
    let computations = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
        const script = new Script().open();
        let busy: number | undefined;
        let loaded: number | undefined;
        const shards = new Set<number>();
        const stored = new Set<number>();
        for (const play of steps) {
          const { engine } = script.state;
          if (script.state.phase.name === "closed") break;
          play(script);
          if (engine.name === "computing" && script.state.engine !== engine) {
            const now = script.state.engine;
            if (now.name !== "computing" || now.token !== engine.token) busy = undefined;
          }
          for (const action of script.log.splice(0)) {
            if (action.type === "load") {
              busy = loaded = undefined;
              shards.clear();
            }
            if (action.type === "resetParameters") {
              loaded = undefined;
              stored.clear();
            }
            if (action.type === "storeChunk") stored.add(action.chunk.version);
            if (action.type === "dropParameters") expect(stored.delete(action.version)).toBe(true);
            if (action.type === "putShard") shards.add(action.shard);
            if (action.type === "dropShard") expect(shards.delete(action.shard)).toBe(true);
            if (action.type === "setParameters") {
              expect(busy).toBeUndefined();
              expect(stored.delete(action.version)).toBe(true);
              loaded = action.version;
            }
            if (action.type === "compute") {
              expect(busy).toBeUndefined();
              busy = action.token;
              computations += 1;
              expect(loaded).toBe(action.assignment.version);
              for (const { slices } of action.assignment.microbatches)
                for (const { shard } of slices) expect(shards).toContain(shard);
            }
          }
          expect(script.state.held.length).toBeLessThanOrEqual(bounds.heldAssignments);
          expect(script.state.shards.fetching.size).toBeLessThanOrEqual(4);
          expect(stored.size).toBeLessThanOrEqual(bounds.waitingVersions);
        }
      }),
      { numRuns: 1000 },
    );
    // The property says nothing where nothing was computed.
    expect(computations).toBeGreaterThan(500);
  });
});
