// What the workers of a world compute, and when they are done: one assignment after another, in the order they came in, each with the
// parameters of its version.
import type { Agenda } from "./world-agenda.ts";
import { samplesEach } from "./world-script.ts";
import { lives, type Connection, type Sent } from "./world-workers.ts";

/** What becomes of an assignment on the worker's side. */
interface Results {
  computed(connection: Connection, sent: Sent): void;
  /** It can't be computed any more: it was on its way when the worker rested for a moment, and newer parameters came behind it. */
  outdated(connection: Connection, sent: Sent): void;
}

export class Computing {
  private readonly agenda: Agenda;
  private readonly results: Results;

  constructor(agenda: Agenda, results: Results) {
    this.agenda = agenda;
    this.results = results;
  }

  /** An assignment has arrived. */
  add(connection: Connection, action: Sent["action"]): void {
    if (connection.availability === "paused") return;
    connection.queue.push({ action, isUnwanted: false });
    this.advance(connection);
  }

  /** The parameters of a version have arrived. */
  setVersion(connection: Connection, version: number): void {
    connection.unread--;
    connection.version = version;
    this.advance(connection);
  }

  recall(connection: Connection, assignment: number): void {
    connection.queue = connection.queue.filter(({ action }) => action.assignment !== assignment);
    if (connection.computing?.action.assignment === assignment) connection.computing.isUnwanted = true;
  }

  /** The worker drops everything. */
  rest(connection: Connection): void {
    connection.queue = [];
    if (connection.computing) connection.computing.isUnwanted = true;
  }

  private advance(connection: Connection): void {
    if (connection.computing || !connection.isOpen || !lives(connection)) return;
    const [next] = connection.queue;
    if (!next || next.action.version > connection.version) return;
    connection.queue.shift();
    if (next.action.version === connection.version) return this.begin(connection, next);
    this.results.outdated(connection, next);
    this.advance(connection);
  }

  private begin(connection: Connection, sent: Sent): void {
    const { worker } = connection;
    connection.computing = sent;
    const end = (): void => {
      if (!lives(connection)) return;
      if (this.agenda.now < worker.stalledUntil) return this.agenda.at(worker.stalledUntil, end);
      connection.computing = undefined;
      if (!sent.isUnwanted && connection.isOpen) this.results.computed(connection, sent);
      this.advance(connection);
    };
    const samples = sent.action.microbatches.length * samplesEach;
    this.agenda.at(this.agenda.now + samples * worker.speed * (0.9 + 0.2 * this.agenda.draw()), end);
  }
}
