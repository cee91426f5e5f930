// A worker that pauses and comes back at any moment, against a coordinator that keeps to the contract but hears of everything late.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AvailabilityState, ToCoordinator, ToWorker } from "../src/protocol/index.ts";
import type { SessionAction } from "../src/worker/index.ts";
import { assignment, chunk, error, Script, welcome } from "./worker-script.ts";

const chunks = 2;

/** Gives work to one worker, and counts on what it gave. Messages of both sides wait until they are delivered. */
class LateCoordinator {
  readonly toWorker: ToWorker[] = [];
  readonly toCoordinator: ToCoordinator[] = [];
  /** Assignments that it waits for. */
  readonly outstanding = new Set<number>();
  done = 0;
  #version = 0;
  #assignments = 0;
  #isPaused = false;

  constructor() {
    this.#sendAll();
  }

  /** The worker connected anew. */
  connected(): void {
    this.toWorker.length = this.toCoordinator.length = 0;
    this.outstanding.clear();
    this.#isPaused = false;
    this.#sendAll();
  }

  assign(): void {
    if (this.#isPaused || this.outstanding.size >= 3) return;
    this.#assignments += 1;
    this.outstanding.add(this.#assignments);
    const shards = [this.#assignments % 3];
    this.toWorker.push(assignment(this.#assignments, { version: this.#version, shards, upcoming: [3] }));
  }

  /** The next version, as soon as nobody computes with this one. */
  advance(): void {
    if (this.outstanding.size > 0) return;
    this.#version += 1;
    if (!this.#isPaused) this.#sendParameters();
  }

  hear(): void {
    const message = this.toCoordinator.shift();
    if (message?.type === "contribution" && this.outstanding.delete(message.assignment)) this.done += 1;
    if (message?.type === "failed") this.outstanding.delete(message.assignment);
    if (message?.type !== "availability") return;
    const wasPaused = this.#isPaused;
    this.#isPaused = message.state === "paused";
    if (this.#isPaused) this.outstanding.clear();
    else if (wasPaused) {
      this.toWorker.push({ type: "parametersBegin", version: this.#version });
      this.#sendAll();
    }
  }

  /** What is frozen goes to a worker that is new, or was away. */
  #sendAll(): void {
    this.toWorker.push({ type: "frozenChunk", chunk: 0, values: new Float32Array(4) });
    this.#sendParameters();
  }

  #sendParameters(): void {
    for (let index = 0; index < chunks; index += 1) this.toWorker.push(chunk(this.#version, index));
  }
}

/** The session, the coordinator, and what is between them. */
class World {
  readonly script = new Script().open();
  readonly coordinator = new LateCoordinator();
  computations = 0;
  readonly #stored = new Map<number, number>();
  #hasFrozen = false;
  #isBusy = false;

  /** Something happens to the session; what it asks for is done, and checked. */
  happens(event: (script: Script) => void): void {
    event(this.script);
    for (const action of this.script.log.splice(0)) this.#perform(action);
  }

  #perform(action: SessionAction): void {
    switch (action.type) {
      case "send":
        this.coordinator.toCoordinator.push(action.message);
        return;
      case "contribute":
        this.coordinator.toCoordinator.push(action.contribution);
        return;
      case "resetParameters":
        this.#hasFrozen = false;
        return this.#stored.clear();
      case "storeFrozen":
        expect(this.#hasFrozen, "what is frozen, twice").toBe(false);
        this.#hasFrozen = true;
        return;
      case "storeChunk": {
        const { version } = action.chunk;
        expect(this.#hasFrozen, "what is frozen before any version").toBe(true);
        const count = (this.#stored.get(version) ?? 0) + 1;
        this.#stored.set(version, count);
        // What is stale is never mixed with what is new: then there would be too many.
        expect(count).toBeLessThanOrEqual(chunks);
        if (count === chunks) this.happens((script) => script.on({ type: "parametersComplete", version }));
        return;
      }
      case "compute":
        expect(this.#isBusy, "two computations at a time").toBe(false);
        expect(this.script.state.duty).toBe("working");
        expect(this.script.state.told.state).not.toBe("paused");
        this.#isBusy = true;
        this.computations += 1;
        return;
      default:
    }
  }

  hears(): void {
    const message = this.coordinator.toWorker.shift();
    if (message) this.happens((script) => script.message(message));
  }

  computed(fails = false): void {
    if (!this.#isBusy) return;
    this.#isBusy = false;
    this.happens((script) => (fails ? script.computeFails(error()) : script.computed(1)));
  }

  engineLoads(): void {
    const { engine } = this.script.state;
    if (engine.name === "loading") this.happens((script) => script.on({ type: "loaded", token: engine.token }));
  }

  shardArrives(): void {
    const [shard] = this.script.state.shards.fetching.keys();
    if (shard !== undefined) this.happens((script) => script.shard(shard));
  }

  uploaded(): void {
    const { uploads, connection } = this.script.state;
    if (uploads.pending > 0) this.happens((script) => script.on({ type: "uploaded", connection, uploadMs: 1 }));
  }

  reconnects(): void {
    this.happens((script) => script.closed(1006).sleep());
    this.happens((script) => script.on({ type: "socketOpened", connection: script.state.connection }));
    this.coordinator.connected();
    this.happens((script) => script.message(welcome));
  }

  /** Everything that is on its way arrives, and everything that was begun ends. */
  settles(): void {
    const { script, coordinator } = this;
    for (let round = 0; round < 500; round += 1) {
      const before = script.state;
      while (coordinator.toCoordinator.length > 0) coordinator.hear();
      while (coordinator.toWorker.length > 0) this.hears();
      this.engineLoads();
      this.shardArrives();
      this.computed();
      this.uploaded();
      if (script.state === before && coordinator.toCoordinator.length === 0) return;
    }
  }
}

const wishes: readonly AvailabilityState[] = ["available", "background", "paused"];

const plays: readonly (readonly [weight: number, play: (world: World, n: number) => void])[] = [
  [10, ({ coordinator }) => coordinator.hear()],
  [24, (world) => world.hears()],
  [8, ({ coordinator }) => coordinator.assign()],
  [4, ({ coordinator }) => coordinator.advance()],
  [8, (world, n) => world.happens((script) => script.available(wishes[n % 3]))],
  [8, (world) => world.computed()],
  [1, (world) => world.computed(true)],
  [6, (world) => world.engineLoads()],
  [12, (world) => world.shardArrives()],
  [8, (world) => world.uploaded()],
  [1, (world) => world.reconnects()],
];

describe("a worker that pauses and comes back at any moment", () => {
  it("computes one thing at a time and nothing in a pause, owes no answer, and works again when it is wanted", () => {
    let computations = 0;
    const step = fc.oneof(
      ...plays.map(([weight, play]) => ({ weight, arbitrary: fc.nat(2).map((n) => (world: World) => play(world, n)) })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
        const world = new World();
        for (const play of steps) {
          play(world);
          // Three failures in a row end it, and are another test's.
          if (world.script.state.phase.name !== "open") return;
        }
        world.happens((script) => script.available("available"));
        world.settles();
        expect([...world.coordinator.outstanding]).toEqual([]);
        expect(world.script.state).toMatchObject({ duty: "working", held: [], engine: { name: "ready" } });
        const { done } = world.coordinator;
        world.coordinator.assign();
        world.settles();
        expect(world.coordinator.done).toBe(done + 1);
        computations += world.computations;
      }),
      { numRuns: 1000 },
    );
    // The property says nothing where nothing was computed.
    expect(computations).toBeGreaterThan(1000);
  });
});
