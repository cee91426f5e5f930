// Shards in a worker's session: which are fetched, kept and dropped.
import { describe, expect, it } from "vitest";
import { TabgradError } from "../src/errors.ts";
import { type SessionEvent } from "../src/worker/index.ts";
import { assignment, buffer, error, Script } from "./worker-script.ts";

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
