// The coordinator of a world: the decision core, with what carries its decisions out. Of the parameters it has nothing but the version.
import type { Reason } from "@tabgrad/core";
import {
  decide,
  initialState,
  nextWake,
  readers,
  type Action,
  type RunEvent,
  type RunPlan,
  type RunState,
} from "../src/decide/index.ts";
import type { Agenda } from "./world-agenda.ts";
import type { Contribution } from "./world-claims.ts";
import type { Computing } from "./world-computing.ts";
import type { Books } from "./world-invariants.ts";
import type { Network } from "./world-network.ts";
import { workerId, type Connection } from "./world-workers.ts";

interface Surroundings {
  readonly plan: RunPlan;
  readonly agenda: Agenda;
  readonly network: Network;
  readonly computing: Computing;
  readonly books: Books;
  /** The worker at the other end was sent away, and does not come back by itself. */
  dismissed(connection: Connection): void;
}

export class SimulatedCoordinator {
  state: RunState;
  readonly reasons: Reason[] = [];
  outcome: Extract<Action, { kind: "end" }>["outcome"] | undefined;
  readonly evaluated: number[] = [];
  /** Assignments that a worker was given behind others, where nothing but its speed asks for that. */
  pieces = 0;
  private readonly around: Surroundings;
  /** What is being decided on. */
  private deciding: { contribution: Contribution; connection: Connection } | undefined;
  /** The step of the newest checkpoint. */
  private saved = 0;
  private version = 0;

  constructor(around: Surroundings) {
    this.around = around;
    this.state = initialState(around.plan);
  }

  /** It was killed, and goes on from its newest checkpoint. Nobody is connected. */
  restart(): void {
    const { books, plan } = this.around;
    books.restarted(this.saved);
    this.state = { ...initialState(plan), step: this.saved };
    this.version = this.saved;
  }

  claimed(connection: Connection, contribution: Contribution): void {
    const { claim, squaredNorm } = contribution;
    this.deciding = { contribution, connection };
    this.take({ kind: "claimed", worker: connection.id, claim, squaredNorm });
    this.deciding = undefined;
  }

  take(event: RunEvent): void {
    const queue: RunEvent[] = [event];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const before = this.state;
      const { state, actions, reasons } = decide(this.around.plan, before, next, this.around.agenda.now);
      this.state = state;
      this.reasons.push(...reasons);
      for (const action of actions) {
        const result = this.perform(action, before);
        if (result) queue.push(result);
      }
    }
    this.arm(event);
  }

  private arm(event: RunEvent): void {
    const wake = nextWake(this.state);
    if (wake === undefined) return;
    if (event.kind === "tick" && wake <= this.around.agenda.now) throw new Error("it is woken, and does nothing");
    const { state } = this;
    this.around.agenda.at(Math.max(wake, this.around.agenda.now), () => this.state === state && this.take({ kind: "tick" }));
  }

  private perform(action: Action, before: RunState): RunEvent | undefined {
    switch (action.kind) {
      case "assign":
        return void this.assigned(action);
      case "recall": {
        const connection = this.around.network.connections.get(action.worker);
        if (connection) this.around.network.downward(connection, () => this.around.computing.recall(connection, action.assignment));
        return undefined;
      }
      case "accept":
        return void this.accepted(before);
      case "discard":
        return undefined;
      case "startOver":
        throw new Error("a step began anew, in a run that scales no losses");
      case "apply":
        this.around.books.applied(action);
        this.version = action.step;
        for (const id of readers(this.state, action.step)) this.sendParameters(this.around.network.connections.get(id)!);
        return { kind: "applied", step: action.step };
      case "evaluated":
        this.around.books.evaluated(action.step, this.around.plan.evaluationSamples.length);
        this.evaluated.push(action.step);
        return undefined;
      case "checkpoint":
        this.saved = action.step;
        return undefined;
      case "quarantine":
      case "dismiss": {
        const connection = this.around.network.connections.get(action.worker);
        if (action.kind === "quarantine" && connection) this.around.books.ban(workerId(connection.worker, connection.life));
        if (connection) this.around.dismissed(connection);
        return undefined;
      }
      case "end":
        if (this.outcome) throw new Error("the run ended twice");
        this.outcome = action.outcome;
        this.around.books.ended(action.outcome);
        return undefined;
      default:
        return action satisfies never;
    }
  }

  private assigned(action: Extract<Action, { kind: "assign" }>): void {
    const connection = this.around.network.connections.get(action.worker);
    if (!connection) throw new Error("an assignment for somebody who is gone");
    this.around.books.assigned(this.state, workerId(connection.worker, connection.life), action);
    if (!this.around.plan.exact && this.state.workers.get(action.worker)!.assignments.length > 1) this.pieces++;
    const { version } = action;
    if (version === this.version && connection.sentVersion < version) this.sendParameters(connection);
    this.around.network.downward(connection, () => this.around.computing.add(connection, action));
  }

  private sendParameters(connection: Connection): void {
    const { version } = this;
    connection.sentVersion = version;
    connection.unread++;
    this.around.network.downward(connection, () => this.around.computing.setVersion(connection, version));
  }

  private accepted(before: RunState): void {
    const { contribution, connection } = this.deciding!;
    this.around.books.accepted(before, connection.id, contribution.claim, contribution.lie);
  }
}
