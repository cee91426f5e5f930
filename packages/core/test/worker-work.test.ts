// Assignments in a worker's session: held, computed, contributed, recalled.
import { describe, expect, it } from "vitest";
import { type ToWorker } from "../src/protocol/index.ts";
import { assignment, buffer, chunk, Script } from "./worker-script.ts";

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
