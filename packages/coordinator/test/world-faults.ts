// What each fault of a random schedule does to the world.
import type { WorkerAvailability } from "@tabgrad/core";
import type { RunEvent } from "../src/decide/index.ts";
import type { Fault } from "./world-script.ts";
import type { Connection, SimulatedWorker } from "./world-workers.ts";

export interface Befallen {
  readonly now: number;
  readonly workers: readonly SimulatedWorker[];
  at(at: number, run: () => void): void;
  take(event: RunEvent): void;
  start(worker: SimulatedWorker): void;
  restart(): void;
  closed(connection: Connection, why: string): void;
  upward(connection: Connection, deliver: () => void): void;
  fail(connection: Connection): void;
  setAvailability(connection: Connection, availability: WorkerAvailability): void;
}

export function befall(world: Befallen, { kind, worker: index, extent }: Fault): void {
  const worker = world.workers[index % world.workers.length];
  const { connection } = worker;
  switch (kind) {
    case "join":
      return world.start(worker);
    case "kill":
      worker.isAlive = false;
      if (connection) world.closed(connection, "connection lost");
      return;
    case "vanish":
      worker.isAlive = false;
      return;
    case "stall":
      worker.stalledUntil = world.now + 40_000 * extent ** 3;
      return;
    case "doze": {
      // From now on it works in bursts, for a while.
      const period = 1 + 300 * extent;
      for (let turn = 0; turn < 20; turn++)
        world.at(world.now + turn * period, () => {
          worker.stalledUntil = Math.max(worker.stalledUntil, world.now + 0.9 * period);
        });
      return;
    }
    case "cut":
      worker.cutUntil = world.now + 40_000 * extent ** 3;
      return;
    case "slow":
      worker.speed = 0.05 + 3 * extent;
      return;
    case "rest":
    case "hide":
    case "show":
      if (connection) world.setAvailability(connection, ({ rest: "paused", hide: "background", show: "available" } as const)[kind]);
      return;
    case "fail":
      if (connection?.computing) world.upward(connection, () => world.fail(connection));
      return;
    case "drop":
      if (connection) world.take({ kind: "drop", worker: connection.id });
      return;
    case "pause":
      world.take({ kind: "pause" });
      return world.at(world.now + 500 * extent, () => world.take({ kind: "resume" }));
    case "restart":
      return world.restart();
    case "notFinite":
    case "outlandish":
    case "version":
    case "samples":
    case "twice":
      worker.lies = { kind, left: Math.ceil(4 * extent) };
      return;
    default:
      return kind satisfies never;
  }
}
