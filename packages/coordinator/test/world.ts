// A world under a virtual clock for the decision core: workers that compute, stall, lie and die, a network that holds messages back, and a
// coordinator that is killed. It keeps its own books of what was asked for, computed and counted, and compares after every event.
import type { WorkerAvailability } from "@tabgrad/core";
import { Agenda } from "./world-agenda.ts";
import { Claims } from "./world-claims.ts";
import { Computing } from "./world-computing.ts";
import { SimulatedCoordinator } from "./world-coordinator.ts";
import { befall, type Befallen } from "./world-faults.ts";
import { Books, checkGivenBack, checkState, checkUnread } from "./world-invariants.ts";
import { Network } from "./world-network.ts";
import { planOf, type Script } from "./world-script.ts";
import { workerId, type Connection, type Sent, type SimulatedWorker } from "./world-workers.ts";

/** Virtual milliseconds within which a run has to end once nothing befalls it any more: some silences, and its steps. */
const patienceMs = 400_000;

export class World implements Befallen {
  readonly agenda: Agenda;
  readonly network: Network;
  readonly workers: readonly SimulatedWorker[];
  readonly coordinator: SimulatedCoordinator;
  private readonly script: Script;
  private readonly computing: Computing;
  private readonly claims: Claims;
  private readonly books: Books;

  constructor(script: Script) {
    const plan = planOf(script);
    const agenda = new Agenda(script.seed);
    const network = new Network(agenda);
    const books = new Books(script);
    const computing = new Computing(agenda, {
      computed: (connection, sent) => this.contribute(connection, sent),
      outdated: (connection, sent) => this.giveBack(connection, sent),
    });
    const dismissed = (connection: Connection): void => {
      connection.worker.isAlive = false;
      this.forget(connection);
    };
    this.script = script;
    this.agenda = agenda;
    this.network = network;
    this.books = books;
    this.computing = computing;
    this.claims = new Claims(plan);
    this.coordinator = new SimulatedCoordinator({ plan, agenda, network, computing, books, dismissed });
    this.workers = script.speeds.map((speed, index) => ({
      ...{ index, speed, life: 0, isAlive: false, stalledUntil: 0, cutUntil: 0 },
      lies: { kind: "samples", left: 0 },
    }));
  }

  /** Plays the faults, then lets every worker live on, until the run is over. @throws Error where something is not as it must be */
  play(): void {
    let at = 0;
    for (const fault of this.script.faults) this.agenda.at((at += fault.after), () => befall(this, fault));
    this.agenda.at(at + 1, () => {
      for (const worker of this.workers) {
        worker.lies.left = 0;
        this.start(worker);
        if (worker.connection) this.setAvailability(worker.connection, "available");
      }
      this.coordinator.take({ kind: "resume" });
    });
    this.network.beat((connection) => this.closed(connection, "silent"));
    const { agenda, coordinator } = this;
    for (let events = 0; !coordinator.outcome; events++) {
      const happen = agenda.next();
      if (agenda.now > at + patienceMs || events > 200_000)
        throw new Error(`stuck in step ${coordinator.state.step + 1} (${coordinator.state.phase})`);
      happen();
      checkState(coordinator.state, this.script.microbatches);
      for (const connection of this.network.connections.values()) checkUnread(connection);
    }
    const { kind } = coordinator.outcome;
    const { step } = coordinator.state;
    if (kind === "finished" && step !== this.script.steps) throw new Error(`finished after ${step} steps`);
    if (kind === "stopped") throw new Error("nobody stopped it");
  }

  // What happens to whom.

  start(worker: SimulatedWorker): void {
    if (worker.isAlive && worker.connection) return;
    if (!worker.isAlive) {
      // What a process left half open that vanished, the coordinator has yet to notice.
      worker.connection = undefined;
      worker.life++;
    }
    worker.isAlive = true;
    this.connect(worker);
  }

  private connect(worker: SimulatedWorker): void {
    if (worker.connection || !worker.isAlive || this.coordinator.outcome) return;
    if (this.coordinator.state.conduct.get(workerId(worker, worker.life))?.isQuarantined) {
      worker.isAlive = false;
      return;
    }
    const { id } = this.network.open(worker);
    this.coordinator.take({
      kind: "joined",
      workerId: workerId(worker, worker.life),
      worker: { id, name: `worker ${worker.index}`, host: "node", engine: "cpu", device: "test" },
    });
  }

  /** The coordinator gives a connection up. A worker that lives comes back. */
  closed(connection: Connection, why: string): void {
    if (!connection.isOpen) return;
    this.forget(connection);
    this.coordinator.take({ kind: "left", worker: connection.id, why });
  }

  private forget(connection: Connection): void {
    this.network.close(connection, () => this.connect(connection.worker));
  }

  restart(): void {
    for (const connection of [...this.network.connections.values()]) this.forget(connection);
    this.coordinator.restart();
  }

  setAvailability(connection: Connection, availability: WorkerAvailability): void {
    if (connection.availability === availability) return;
    connection.availability = availability;
    if (availability === "paused") this.computing.rest(connection);
    this.network.upward(connection, () => {
      // It forgets its parameters in a pause.
      if (availability === "paused") connection.sentVersion = -1;
      this.coordinator.take({ kind: "availability", worker: connection.id, availability, why: "it said so" });
    });
  }

  // A worker's part.

  private giveBack(connection: Connection, { action: { assignment } }: Sent): void {
    checkGivenBack(this.coordinator.state, assignment);
    this.network.upward(connection, () => {
      this.coordinator.take({ kind: "failed", worker: connection.id, assignment, why: "its parameters are gone" });
    });
  }

  fail(connection: Connection): void {
    const { computing } = connection;
    if (!computing) return;
    computing.isUnwanted = true;
    this.coordinator.take({ kind: "failed", worker: connection.id, assignment: computing.action.assignment, why: "device lost" });
  }

  private contribute(connection: Connection, { action }: Sent): void {
    const contribution = this.claims.contribution(connection.worker, action);
    const { lie } = contribution;
    if (lie === "notFinite") this.books.sentNotFinite(action.step);
    for (let times = lie === "twice" ? 2 : 1; times > 0; times--) {
      this.network.upward(connection, () => this.coordinator.claimed(connection, contribution));
    }
  }
}
