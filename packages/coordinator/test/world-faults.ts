// What each fault of a random schedule does to the world.
import type { WorkerAvailability } from "@tabgrad/core";
import type { Agenda } from "./world-agenda.ts";
import type { SimulatedCoordinator } from "./world-coordinator.ts";
import type { Network } from "./world-network.ts";
import type { Fault } from "./world-script.ts";
import type { Connection, SimulatedWorker } from "./world-workers.ts";

export interface Befallen {
  readonly agenda: Agenda;
  readonly network: Network;
  readonly workers: readonly SimulatedWorker[];
  readonly coordinator: Pick<SimulatedCoordinator, "take">;
  start(worker: SimulatedWorker): void;
  restart(): void;
  closed(connection: Connection, why: string): void;
  fail(connection: Connection): void;
  setAvailability(connection: Connection, availability: WorkerAvailability): void;
}

export function befall(world: Befallen, { kind, worker: index, extent }: Fault): void {
  const worker = world.workers[index % world.workers.length];
  const { connection } = worker;
  const { agenda, coordinator, network } = world;
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
      worker.stalledUntil = agenda.now + 40_000 * extent ** 3;
      return;
    case "doze": {
      // From now on it works in bursts, for a while.
      const period = 1 + 300 * extent;
      for (let turn = 0; turn < 20; turn++)
        agenda.at(agenda.now + turn * period, () => {
          worker.stalledUntil = Math.max(worker.stalledUntil, agenda.now + 0.9 * period);
        });
      return;
    }
    case "cut":
      worker.cutUntil = agenda.now + 40_000 * extent ** 3;
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
      if (connection?.computing) network.upward(connection, () => world.fail(connection));
      return;
    case "drop":
      if (connection) coordinator.take({ kind: "drop", worker: connection.id });
      return;
    case "pause":
      coordinator.take({ kind: "pause" });
      return agenda.at(agenda.now + 500 * extent, () => coordinator.take({ kind: "resume" }));
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
