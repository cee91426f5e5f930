// A worker's session under whatever may happen, in whatever order.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounds } from "../src/protocol/index.ts";
import { nextWake } from "../src/worker/index.ts";
import { assignment, chunk, error, Script, welcome } from "./worker-script.ts";

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
      if (script.state.engine.name === "computing") script.computeFails(error());
    },
    loaded: (n) => (script) => {
      const { engine } = script.state;
      if (engine.name !== "loading") return;
      script.on(n % 4 > 0 ? { type: "loaded", token: engine.token } : { type: "loadFailed", token: engine.token, error: error() });
    },
    availability: (n) => (script) => void script.available((["available", "background", "paused"] as const)[n % 3]),
    begin: (n) => (script) => {
      if (isOpen(script) && script.state.duty === "returning") script.message({ type: "parametersBegin", version: n % 8 });
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
    loaded: 8,
    availability: 1,
    begin: 8,
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
              expect(script.state.duty).toBe("working");
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
