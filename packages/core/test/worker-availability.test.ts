// A worker's session that pauses, goes to the background and comes back, in every phase of its life.
import { describe, expect, it } from "vitest";
import type { AvailabilityState, ToCoordinator } from "../src/protocol/index.ts";
import { assignment, buffer, chunk, Script, welcome } from "./worker-script.ts";

const said = (state: AvailabilityState, reason = ""): ToCoordinator => ({ type: "availability", state, reason });
const saying = (state: AvailabilityState, reason = "") => ({ type: "send", message: said(state, reason) });
const pause = (script: Script): Script => script.available("paused", "by its user");
const paused = saying("paused", "by its user");

describe("a pause", () => {
  it.each<[string, (script: Script) => Script]>([
    ["before the first connection", (script) => script],
    ["connecting", (script) => script.on({ type: "start" })],
    ["greeting", (script) => script.connected()],
    ["waiting for the next attempt", (script) => script.on({ type: "start" }).closed(1006)],
    ["leaving", (script) => script.open().on({ type: "leave", reason: "" })],
  ])("%s says nothing yet", (_, play) => {
    const script = play(new Script());
    expect(pause(script).actions).toEqual([]);
    expect(script.state.wanted).toEqual({ state: "paused", reason: "by its user" });
  });

  it("from before is said right after Welcome, and the run is loaded all the same", () => {
    const script = pause(new Script().connected()).message(welcome);
    expect(script.types()).toEqual(["load", "resetParameters", "report", "send", "resetParameters"]);
    expect(script.actions).toContainEqual(paused);
    expect(script.activity).toBe("paused");
    script.on({ type: "loaded", token: 1 });
    expect(script.message(chunk(0)).message(assignment(1)).actions).toEqual([]);
  });

  it("while loading lets the loading go on", () => {
    const script = pause(new Script().connected().message(welcome));
    expect(script.actions).toContainEqual(paused);
    expect(script.on({ type: "loaded", token: 1 }).actions).toEqual([]);
    expect(script.state.engine.name).toBe("ready");
  });

  it("while waiting for parameters forgets the chunks that are there", () => {
    const script = pause(new Script().open().message(assignment(1)).message(chunk(0)));
    expect(script.types()).toEqual(["send", "resetParameters"]);
    expect(script.state).toMatchObject({ held: [], parameters: { newest: -1 } });
    expect(script.on({ type: "parametersComplete", version: 0 }).actions).toEqual([]);
  });

  it("while fetching keeps what arrives, and asks for nothing else", () => {
    const script = new Script().open().parameters(0);
    pause(script.message(assignment(1, { shards: [0, 1, 2, 3, 4], upcoming: [7] })));
    expect(script.shard(2).types()).toEqual(["putShard"]);
    expect(script.state.shards).toMatchObject({ held: new Set([2]), upcoming: [0, 1, 2, 3, 4, 7] });
    script.available("available").message({ type: "parametersBegin", version: 1 });
    expect(script.actions).toContainEqual({ type: "fetchShard", shard: 4 });
  });

  it("while computing throws the result away", () => {
    const script = pause(new Script().computing().message(assignment(2)));
    expect(script.actions).toEqual([paused, { type: "resetParameters", run: welcome }]);
    expect(script.activity).toBe("paused");
    expect(script.computed().actions).toEqual([{ type: "recycleGradients", gradients: buffer }]);
  });

  it("while uploading stops the upload: what has not left is not sent", () => {
    const script = pause(new Script().computing().computed());
    expect(script.types()).toEqual(["send", "resetParameters"]);
    expect(script.state.uploads.pending).toBe(0);
  });

  it("answers nothing that was on its way", () => {
    const script = pause(new Script().computing());
    script.message(assignment(2, { shards: [99] })).message({ type: "recall", assignment: 1, microbatches: [] });
    for (const version of [0, 1, 2, 3, 4, 5, 6]) script.message(chunk(version));
    expect(script.log.filter(({ type }) => type === "storeChunk" || type === "compute")).toHaveLength(2);
    expect(script.activity).toBe("paused");
  });

  it("keeps answering pings", () => {
    const script = pause(new Script().open()).message({ type: "ping", nonce: 3 }, 4000);
    expect(script.actions).toEqual([{ type: "send", message: { type: "pong", nonce: 3 } }]);
    expect(script.message({ type: "ping", nonce: 4 }, 4000).activity).toBe("paused");
  });

  it("is said once; for another reason, once more", () => {
    const script = pause(new Script().computing());
    expect(pause(script).actions).toEqual([]);
    expect(script.available("paused", "the battery is low").actions).toEqual([saying("paused", "the battery is low")]);
  });

  it("does not keep a worker from leaving, nor the coordinator from ending the run", () => {
    const leaving = pause(new Script().computing()).on({ type: "leave", reason: "enough" });
    expect(leaving.action("send").message).toEqual({ type: "leaving", reason: "enough" });
    expect(leaving.closed(1000).outcome).toEqual({ kind: "left", reason: "enough" });
    const over = pause(new Script().computing()).message({ type: "goodbye", reason: "finished", reconnect: false });
    expect(over.closed(1000).outcome).toEqual({ kind: "finished", reason: "finished" });
  });

  it("outlasts connections", () => {
    const script = pause(new Script().computing()).closed(1006).sleep().on({ type: "socketOpened", connection: 2 });
    script.message(welcome);
    expect(script.types()).toEqual(["resetParameters", "report", "send", "resetParameters"]);
    expect(script.actions).toContainEqual(paused);
    // What `Welcome` brought along was on its way.
    expect(script.message(chunk(3)).message(assignment(1)).actions).toEqual([]);
  });

  it("may end between two connections: the next one begins as any", () => {
    const script = pause(new Script().computing()).closed(1006).available("available").sleep();
    script.on({ type: "socketOpened", connection: 2 }).message(welcome);
    expect(script.types()).toEqual(["resetParameters", "report"]);
    script.parameters(4).message(assignment(1, { version: 4 }));
    expect(script.computed().action("compute").assignment.assignment).toBe(1);
  });
});

describe("the end of a pause", () => {
  /** Paused while computing, and wanted again. */
  const returning = (): Script => pause(new Script().computing()).computed().available("available");

  it("is said, answered with all parameters, and work goes on with the shards that are there", () => {
    const script = returning();
    expect(script.actions).toEqual([saying("available")]);
    expect(script.activity).toBe("waitingForParameters");
    expect(script.message({ type: "parametersBegin", version: 8 }, 60_000).types()).toEqual(["resetParameters"]);
    script.parameters(8).message(assignment(2, { version: 8 }), 10);
    expect(script.types()).toEqual(["compute"]);
    // The pause is no waiting.
    expect(script.computed(5).action("contribute").contribution.timings.waitMs).toBe(10);
  });

  it("is not there until it is answered: stale chunks and assignments still arrive", () => {
    const script = returning();
    expect(script.message(chunk(1)).message(chunk(1, 1)).message(assignment(2)).actions).toEqual([]);
    script.message({ type: "parametersBegin", version: 2 }).message(chunk(2));
    expect(script.action("storeChunk").chunk.version).toBe(2);
    expect(script.state.held).toEqual([]);
  });

  it("takes nothing older than what was announced for news", () => {
    const script = returning().message({ type: "parametersBegin", version: 5 });
    expect(script.message(chunk(4)).actions).toEqual([]);
    script.message(assignment(2, { version: 4 }));
    expect(script.action("send").message).toMatchObject({ type: "failed", assignment: 2 });
    expect(script.message(assignment(3, { version: 5 })).state.held).toHaveLength(1);
  });

  it("that was followed by another pause is not taken for the end of that one", () => {
    const script = pause(returning());
    expect(script.actions).toContainEqual(paused);
    const begin = { type: "parametersBegin", version: 1 } as const;
    expect(script.message(begin).message(chunk(1)).message(assignment(2)).actions).toEqual([]);
    expect(script.available("available").message(chunk(1, 1)).actions).toEqual([]);
    script
      .message({ ...begin, version: 2 })
      .parameters(2)
      .message(assignment(3, { version: 2 }));
    expect(script.action("compute").assignment.assignment).toBe(3);
  });

  it("that is answered twice, after two pauses, begins anew with the second answer", () => {
    const script = pause(returning()).available("available");
    script
      .message({ type: "parametersBegin", version: 1 })
      .parameters(1)
      .message(assignment(2, { version: 1 }));
    expect(script.activity).toBe("computing");
    script.message({ type: "parametersBegin", version: 3 });
    expect(script.state.held).toEqual([]);
    expect(script.parameters(3).message(assignment(3, { version: 3 })).actions).toEqual([]);
    expect(script.computed().types()).toEqual(["recycleGradients", "setParameters", "compute"]);
    expect(script.action("compute").assignment.assignment).toBe(3);
  });

  it("waits for a computation from before it", () => {
    const script = pause(new Script().computing()).available("available").message({ type: "parametersBegin", version: 1 });
    script.parameters(1).message(assignment(2, { version: 1 }));
    expect(script.log.filter(({ type }) => type === "compute")).toHaveLength(1);
    expect(script.computed().types()).toEqual(["recycleGradients", "setParameters", "compute"]);
  });
});

describe("the background", () => {
  it("is said, and changes nothing else", () => {
    const script = new Script().computing();
    expect(script.available("background", "the tab is hidden").actions).toEqual([saying("background", "the tab is hidden")]);
    expect(script.activity).toBe("computing");
    expect(script.available("background", "the tab is hidden").actions).toEqual([]);
    expect(script.computed().types()).toEqual(["contribute"]);
    expect(script.available("available").actions).toEqual([saying("available")]);
    expect(script.available("available", "the tab is visible").actions).toEqual([]);
    expect(script.message(assignment(2)).types()).toEqual(["compute"]);
  });

  it("is said again to the next coordinator", () => {
    const script = new Script().open().available("background", "the tab is hidden").closed(1006).sleep();
    script.on({ type: "socketOpened", connection: 2 }).message(welcome);
    expect(script.actions.at(-1)).toEqual(saying("background", "the tab is hidden"));
    expect(script.parameters(0).message(assignment(1)).shard(0).activity).toBe("computing");
  });

  it("may follow a pause, which ends with it", () => {
    const script = pause(new Script().computing()).computed().available("background", "the tab is hidden");
    expect(script.activity).toBe("waitingForParameters");
    script.available("available");
    expect(script.actions).toEqual([saying("available")]);
    script
      .message({ type: "parametersBegin", version: 1 })
      .parameters(1)
      .message(assignment(2, { version: 1 }));
    expect(script.activity).toBe("computing");
  });
});
