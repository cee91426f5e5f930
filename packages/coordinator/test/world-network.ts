// The network of a world: connections between its workers and the coordinator. Messages stay in order on each connection and direction,
// and come in any order between workers; a worker that is cut off or stalls gets and sends them late.
import { silenceMs } from "../src/rim/sockets.ts";
import type { Agenda } from "./world-agenda.ts";
import { lives, type Connection, type SimulatedWorker } from "./world-workers.ts";

export class Network {
  /** Those that the coordinator has not given up. */
  readonly connections = new Map<string, Connection>();
  private readonly agenda: Agenda;
  private count = 0;

  constructor(agenda: Agenda) {
    this.agenda = agenda;
  }

  open(worker: SimulatedWorker): Connection {
    const connection: Connection = {
      ...{ id: `w${++this.count}`, worker, life: worker.life, isOpen: true, up: 0, down: 0, heardAt: this.agenda.now },
      ...{ queue: [], availability: "available", sentVersion: -1, version: -1, unread: 0 },
    };
    worker.connection = connection;
    this.connections.set(connection.id, connection);
    return connection;
  }

  /** What is on its way is lost. `retry` comes once the worker notices and tries again; not if it has another connection already. */
  close(connection: Connection, retry: () => void): void {
    const { worker } = connection;
    connection.isOpen = false;
    connection.queue = [];
    this.connections.delete(connection.id);
    if (worker.connection !== connection) return;
    worker.connection = undefined;
    const { now } = this.agenda;
    this.agenda.at(Math.max(now, worker.stalledUntil, worker.cutUntil) + 100 + 900 * this.agenda.draw(), retry);
  }

  /** From the worker to the coordinator. */
  upward(connection: Connection, deliver: () => void): void {
    connection.up = Math.max(connection.up, this.arrival(), connection.worker.cutUntil);
    this.agenda.at(connection.up, () => {
      if (!connection.isOpen) return;
      connection.heardAt = this.agenda.now;
      deliver();
    });
  }

  /** From the coordinator to the worker. */
  downward(connection: Connection, deliver: () => void): void {
    const { worker } = connection;
    connection.down = Math.max(connection.down, this.arrival(), worker.cutUntil, worker.stalledUntil);
    this.agenda.at(connection.down, () => {
      if (connection.isOpen && lives(connection)) deliver();
    });
  }

  /** Lets every worker that can be heard be heard, now and again; `silent` gets the connections of those that were not for too long. */
  beat(silent: (connection: Connection) => void): void {
    const { now } = this.agenda;
    for (const connection of [...this.connections.values()]) {
      const { worker } = connection;
      if (lives(connection) && now >= worker.stalledUntil && now >= worker.cutUntil) connection.heardAt = now;
      else if (now - connection.heardAt > silenceMs) silent(connection);
    }
    this.agenda.at(now + silenceMs / 3, () => this.beat(silent));
  }

  private arrival(): number {
    return this.agenda.now + 3 * this.agenda.draw();
  }
}
