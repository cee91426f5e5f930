// What a worker's session makes of the coordinator's word: refusals, farewells, pings, and what the contract does not allow.
import { describe, expect, it } from "vitest";
import { closeCodes } from "../src/errors.ts";
import { bounds, protocolViolation } from "../src/protocol/index.ts";
import { assignment, chunk, Script, welcome } from "./worker-script.ts";

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
