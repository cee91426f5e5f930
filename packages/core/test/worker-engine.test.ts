// A worker's session whose engine fails: it is made again without leaving the run.
import { describe, expect, it } from "vitest";
import { closeCodes, TabgradError } from "../src/errors.ts";
import { protocolViolation } from "../src/protocol/index.ts";
import { nextWake } from "../src/worker/index.ts";
import { assignment, buffer, chunk, error, Script, welcome } from "./worker-script.ts";

const lost = error("device lost");
const rebuilding = { type: "availability", state: "paused", reason: "rebuilding its engine: device lost" } as const;
const available = { type: "availability", state: "available", reason: "" } as const;

const sends = (script: Script): unknown[] =>
  script.actions.filter((action) => action.type === "send").map(({ message }) => message);

function loaded(script: Script): Script {
  const { engine } = script.state;
  return script.on({ type: "loaded", token: engine.name === "loading" ? engine.token : -1 });
}

function loadFails(script: Script, failure = lost): Script {
  const { engine } = script.state;
  return script.on({ type: "loadFailed", token: engine.name === "loading" ? engine.token : -1, error: failure });
}

/** Back in the run after a failure: computing assignment `id` on `version`. */
function resumed(script: Script, id: number, version = 0): Script {
  return script.message({ type: "parametersBegin", version }).parameters(version).message(assignment(id, { version })).shard(0);
}

describe("an engine that fails", () => {
  it("gives the assignment back, pauses the worker, and is made again on the same connection", () => {
    const script = new Script().computing().message(assignment(2));
    script.computeFails(lost);
    expect(script.types()).toEqual(["send", "report", "report", "send", "resetParameters", "load"]);
    expect(sends(script)).toEqual([{ type: "failed", assignment: 1, reason: "device lost", code: "ENGINE_FAILED" }, rebuilding]);
    expect(script.activity).toBe("rebuilding");
    expect(script.state.held).toEqual([]);
    loaded(script);
    expect(script.actions).toEqual([
      { type: "report", report: { type: "rebuilt" } },
      { type: "send", message: available },
    ]);
    expect(script.activity).toBe("waitingForParameters");
    expect(script.state.connection).toBe(1);
    resumed(script, 3, 7);
    expect(script.action("compute").assignment).toMatchObject({ assignment: 3, version: 7 });
    expect(script.computed().state.failures).toBe(0);
  });

  it("has its shards fetched again: they were gone with it", () => {
    const script = new Script().computing().computeFails(lost);
    loaded(script).message({ type: "parametersBegin", version: 0 }).parameters(0).message(assignment(2));
    expect(script.actions).toEqual([{ type: "fetchShard", shard: 0 }]);
    expect(script.shard(0).types()).toEqual(["putShard", "compute"]);
  });

  it("ends the worker at the third failure in a row", () => {
    const script = new Script().computing();
    for (const id of [2, 3]) resumed(loaded(script.computeFails(lost)), id);
    script.computeFails(lost);
    expect(sends(script)).toEqual([
      { type: "failed", assignment: 3, reason: "device lost", code: "ENGINE_FAILED" },
      { type: "leaving", reason: "device lost" },
    ]);
    expect(script.types()).not.toContain("load");
    expect(script.closed(1000).outcome).toMatchObject({ kind: "failed", error: { code: "ENGINE_FAILED" } });
  });

  it("is forgiven once it succeeds", () => {
    const script = new Script().computing();
    for (let id = 2; id < 8; id += 1)
      resumed(loaded(script.computeFails(lost)), id)
        .computed()
        .message(assignment(id + 100));
    expect(script.activity).toBe("computing");
  });

  it("that is busy with something unwanted is made again, too, and no assignment is blamed", () => {
    const script = new Script().computing().message({ type: "recall", assignment: 1, microbatches: [] });
    expect(sends(script.computeFails(lost))).toEqual([rebuilding]);
    expect(loaded(script).activity).toBe("waitingForParameters");
  });

  it("is not to blame where the coordinator's own words do not fit together", () => {
    const script = new Script().computing().computeFails(protocolViolation("sample 9 of 4"));
    expect(script.action("closeSocket").code).toBe(closeCodes.protocolViolation);
  });

  it("while nothing is connected is loaded with the next connection", () => {
    const script = new Script().computing().closed(1006).computeFails(lost);
    expect(script.actions).toEqual([]);
    script.sleep().on({ type: "socketOpened", connection: 2 }).message(welcome);
    expect(script.types()).toEqual(["load", "resetParameters", "report"]);
    expect(script.activity).toBe("loading");
  });
});

describe("an engine that cannot be loaded", () => {
  it("at first leaves the run, and says why", () => {
    const script = new Script().connected().message(welcome);
    script.on({ type: "loadFailed", token: 1, error: new TabgradError("ENGINE_UNSUPPORTED", "no such operation", "") });
    expect(sends(script)).toEqual([{ type: "leaving", reason: "no such operation" }]);
    expect(script.closed(1000).outcome).toMatchObject({ kind: "failed", error: { code: "ENGINE_UNSUPPORTED" } });
  });

  it("after a failure is tried again later, while the connection lives, and given up after three failures", () => {
    const script = loadFails(new Script().computing().computeFails(lost), error("no device yet"));
    expect(script.activity).toBe("rebuilding");
    expect(sends(script)).toEqual([{ ...rebuilding, reason: "rebuilding its engine: no device yet" }]);
    const wait = nextWake(script.plan, script.state)! - script.now;
    expect(wait).toBeGreaterThan(500);
    expect(wait).toBeLessThan(5000);
    expect(script.on({ type: "tick" }, wait - 1).actions).toEqual([]);
    expect(script.on({ type: "tick" }, 1).types()).toEqual(["load"]);
    expect(sends(loadFails(script))).toEqual([{ type: "leaving", reason: "device lost" }]);
    expect(script.closed(1000).outcome).toMatchObject({ kind: "failed", error: { message: "device lost" } });
  });

  it("after a failure may be there at the second attempt", () => {
    const script = loadFails(new Script().computing().computeFails(lost)).sleep();
    expect(sends(loaded(script))).toEqual([available]);
    expect(resumed(script, 2).activity).toBe("computing");
  });

  it("does not keep a silent coordinator from being noticed", () => {
    const script = loadFails(new Script().computing().computeFails(lost));
    for (let i = 0; i < 3 && script.activity === "rebuilding"; i += 1) script.sleep();
    expect(script.now).toBe(5000);
    expect(script.activity).toBe("backingOff");
  });

  it("is loaded at once by a new connection", () => {
    const script = loadFails(new Script().computing().computeFails(lost)).closed(1006).sleep();
    script.on({ type: "socketOpened", connection: 2 }).message(welcome);
    expect(script.types()).toEqual(["load", "resetParameters", "report"]);
    expect(sends(loadFails(script))).toEqual([{ type: "leaving", reason: "device lost" }]);
  });

  it("because the run makes no sense is nobody's fault but the coordinator's", () => {
    const script = loadFails(new Script().computing().computeFails(lost), protocolViolation("another number of parameters"));
    expect(script.action("closeSocket").code).toBe(closeCodes.protocolViolation);
  });
});

describe("a pause while the engine is made again", () => {
  it("outlasts it: the worker says nothing until it is wanted again", () => {
    const script = new Script().computing().computeFails(lost).available("paused", "enough for now");
    expect(sends(script)).toEqual([{ type: "availability", state: "paused", reason: "enough for now" }]);
    expect(script.activity).toBe("paused");
    expect(sends(loaded(script))).toEqual([]);
    expect(script.message(chunk(3)).message(assignment(9)).actions).toEqual([]);
    expect(sends(script.available("available"))).toEqual([available]);
    expect(resumed(script, 10).activity).toBe("computing");
  });

  it("may end before it: the coordinator hears why it goes on", () => {
    const script = new Script().computing().available("paused", "enough for now");
    expect(sends(script.computeFails(lost))).toEqual([]);
    expect(sends(script.available("background", "hidden"))).toEqual([rebuilding]);
    expect(sends(loaded(script))).toEqual([{ type: "availability", state: "background", reason: "hidden" }]);
    expect(script.message({ type: "parametersBegin", version: 4 }).activity).toBe("waitingForAssignment");
  });

  it("keeps no result of what failed", () => {
    const script = new Script().computing().computeFails(lost);
    const { state } = script;
    script.on({ type: "computed", token: 2, sums: { samples: 1, lossSum: 0, metricSums: [] }, computeMs: 1, gradients: buffer });
    expect(script.state).toBe(state);
  });
});
