// A world under a virtual clock for the decision core: workers that compute, stall, lie and die, a network that holds messages back, and a
// coordinator that is killed. It keeps its own books of what was asked for, computed and counted, and compares after every event.
import type { Reason, WorkerAvailability } from "@tabgrad/core";
import {
  decide,
  initialState,
  nextWake,
  readers,
  type Action,
  type Claim,
  type RunEvent,
  type RunPlan,
  type RunState,
} from "../src/decide/index.ts";
import { silenceMs } from "../src/rim/sockets.ts";
import { befall, type Befallen } from "./world-faults.ts";
import { Books, checkGivenBack, checkState, checkUnread } from "./world-invariants.ts";
import { samplesEach, type Lie, type Script } from "./world-script.ts";
import { lives, workerId, type Connection, type Sent, type SimulatedWorker } from "./world-workers.ts";

/** Virtual milliseconds within which a run has to end once nothing befalls it any more: some silences, and its steps. */
const patienceMs = 400_000;

export class World implements Befallen {
  state: RunState;
  now = 0;
  readonly reasons: Reason[] = [];
  outcome: Extract<Action, { kind: "end" }>["outcome"] | undefined;
  readonly evaluated: number[] = [];
  /** Assignments that a worker was given behind others, where nothing but its speed asks for that. */
  pieces = 0;
  private readonly plan: RunPlan;
  private readonly script: Script;
  private readonly agenda: { at: number; order: number; run: () => void }[] = [];
  private order = 0;
  readonly workers: SimulatedWorker[];
  private readonly connections = new Map<string, Connection>();
  private count = 0;
  private random: number;
  private lies = 0;
  /** Claims that are being decided on. */
  private deciding: { claim: Claim; lie: Lie | undefined; connection: Connection } | undefined;
  private readonly books: Books;
  private saved = 0;
  /** Of the coordinator's parameters. */
  private version = 0;

  constructor(script: Script) {
    this.script = script;
    this.random = script.seed;
    this.books = new Books(script);
    this.plan = {
      steps: script.steps,
      stepSamples: () => Array.from({ length: script.microbatches }, () => samplesEach),
      evaluationSamples: [8, 8, 3],
      evaluateAfter: (step) => step % 3 === 0,
      checkpointEvery: { steps: 2 },
      startWorkers: script.startWorkers,
      minWorkers: 1,
      learningRate: 0.1,
      rateFactor: () => 1,
      exact: script.exact,
    };
    this.state = initialState(this.plan);
    this.workers = script.speeds.map((speed, index) => ({
      ...{ index, speed, life: 0, isAlive: false, stalledUntil: 0, cutUntil: 0 },
      lies: { kind: "samples", left: 0 },
    }));
  }

  /** Plays the faults, then lets every worker live on, until the run is over. @throws Error where something is not as it must be */
  play(): void {
    let at = 0;
    for (const fault of this.script.faults) this.at((at += fault.after), () => befall(this, fault));
    this.at(at + 1, () => {
      for (const worker of this.workers) {
        worker.lies.left = 0;
        this.start(worker);
        if (worker.connection) this.setAvailability(worker.connection, "available");
      }
      this.take({ kind: "resume" });
    });
    this.beat();
    for (let events = 0; !this.outcome; events++) {
      const next = this.agenda.sort((a, b) => a.at - b.at || a.order - b.order).shift()!;
      if (next.at > at + patienceMs || events > 200_000)
        throw new Error(`stuck in step ${this.state.step + 1} (${this.state.phase})`);
      this.now = Math.max(this.now, next.at);
      next.run();
      checkState(this.state, this.script.microbatches);
      for (const connection of this.connections.values()) checkUnread(connection);
    }
    const { kind } = this.outcome;
    if (kind === "finished" && this.state.step !== this.plan.steps) throw new Error(`finished after ${this.state.step} steps`);
    if (kind === "stopped") throw new Error("nobody stopped it");
  }

  at(at: number, run: () => void): void {
    this.agenda.push({ at, order: ++this.order, run });
  }

  /** 0 to 1, from the seed (Park and Miller, 1988). */
  private draw(): number {
    this.random = ((this.random || 1) * 48_271) % 2_147_483_647;
    return this.random / 2_147_483_647;
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
    if (worker.connection || !worker.isAlive || this.outcome) return;
    const name = `worker ${worker.index}`;
    if (this.state.conduct.get(workerId(worker, worker.life))?.isQuarantined) {
      worker.isAlive = false;
      return;
    }
    const id = `w${++this.count}`;
    const connection: Connection = {
      ...{ id, worker, life: worker.life, isOpen: true, up: 0, down: 0, heardAt: this.now },
      ...{ queue: [], availability: "available", sentVersion: -1, version: -1, unread: 0 },
    };
    worker.connection = connection;
    this.connections.set(id, connection);
    this.take({
      kind: "joined",
      workerId: workerId(worker, worker.life),
      worker: { id, name, host: "node", engine: "cpu", device: "test" },
    });
  }

  /** The coordinator gives a connection up. A worker that lives comes back. */
  closed(connection: Connection, why: string): void {
    if (!connection.isOpen) return;
    this.forget(connection);
    this.take({ kind: "left", worker: connection.id, why });
  }

  private forget(connection: Connection): void {
    const { worker } = connection;
    connection.isOpen = false;
    connection.queue = [];
    this.connections.delete(connection.id);
    if (worker.connection !== connection) return;
    worker.connection = undefined;
    this.at(Math.max(this.now, worker.stalledUntil, worker.cutUntil) + 100 + 900 * this.draw(), () => this.connect(worker));
  }

  restart(): void {
    for (const connection of [...this.connections.values()]) this.forget(connection);
    this.books.restarted(this.saved);
    this.state = { ...initialState(this.plan), step: this.saved };
    this.version = this.saved;
  }

  setAvailability(connection: Connection, availability: WorkerAvailability): void {
    if (connection.availability === availability) return;
    connection.availability = availability;
    if (availability === "paused") {
      connection.queue = [];
      if (connection.computing) connection.computing.isUnwanted = true;
    }
    this.upward(connection, () => {
      // It forgets its parameters in a pause.
      if (availability === "paused") connection.sentVersion = -1;
      this.take({ kind: "availability", worker: connection.id, availability, why: "it said so" });
    });
  }

  // The network: in order for each connection and direction, in any order between workers.

  upward(connection: Connection, deliver: () => void): void {
    const { worker } = connection;
    connection.up = Math.max(connection.up, this.now + 3 * this.draw(), worker.cutUntil);
    this.at(connection.up, () => {
      if (!connection.isOpen) return;
      connection.heardAt = this.now;
      deliver();
    });
  }

  private downward(connection: Connection, deliver: () => void): void {
    const { worker } = connection;
    connection.down = Math.max(connection.down, this.now + 3 * this.draw(), worker.cutUntil, worker.stalledUntil);
    this.at(connection.down, () => {
      if (connection.isOpen && lives(connection)) deliver();
    });
  }

  private beat(): void {
    for (const connection of [...this.connections.values()]) {
      const { worker } = connection;
      if (lives(connection) && this.now >= worker.stalledUntil && this.now >= worker.cutUntil) connection.heardAt = this.now;
      else if (this.now - connection.heardAt > silenceMs) this.closed(connection, "silent");
    }
    this.at(this.now + silenceMs / 3, () => this.beat());
  }

  // A worker's part.

  private compute(connection: Connection): void {
    const { worker } = connection;
    if (connection.computing || !connection.isOpen || !lives(connection)) return;
    const [next] = connection.queue;
    if (!next || next.action.version > connection.version) return;
    connection.queue.shift();
    if (next.action.version < connection.version) return this.giveBack(connection, next);
    connection.computing = next;
    const samples = next.action.microbatches.length * samplesEach;
    const end = (): void => {
      if (!lives(connection)) return;
      if (this.now < worker.stalledUntil) return this.at(worker.stalledUntil, end);
      connection.computing = undefined;
      if (!next.isUnwanted && connection.isOpen) this.contribute(connection, next);
      this.compute(connection);
    };
    this.at(this.now + samples * worker.speed * (0.9 + 0.2 * this.draw()), end);
  }

  /** What a worker can't compute any more: it was on its way when the worker rested for a moment, and newer parameters came behind it. */
  private giveBack(connection: Connection, { action: { assignment } }: Sent): void {
    checkGivenBack(this.state, assignment);
    this.upward(connection, () => {
      this.take({ kind: "failed", worker: connection.id, assignment, why: "its parameters are gone" });
    });
    this.compute(connection);
  }

  fail(connection: Connection): void {
    const { computing } = connection;
    if (!computing) return;
    computing.isUnwanted = true;
    this.take({ kind: "failed", worker: connection.id, assignment: computing.action.assignment, why: "device lost" });
  }

  private contribute(connection: Connection, { action }: Sent): void {
    const { lies, speed } = connection.worker;
    const lie = lies.left > 0 ? lies.kind : undefined;
    if (lie) lies.left--;
    const { assignment, step, version, microbatches, purpose } = action;
    const sizes = purpose === "train" ? this.plan.stepSamples(step) : this.plan.evaluationSamples;
    const samples = microbatches.reduce((sum, index) => sum + sizes[index], 0);
    const claim: Claim = {
      ...{ assignment, step, version: version + (lie === "version" ? 1 : 0), microbatches },
      ...{ samples: samples + (lie === "samples" ? 1 : 0), lossSum: samples, metricSums: [samples], computeMs: samples * speed },
    };
    // The norm of a mean over few samples is longer. No two lies are the same.
    const norm =
      lie === "outlandish" ? 1e3 * 1.5 ** ++this.lies : 1 + Math.sin(13 * step + microbatches[0]) / 3 + 1 / microbatches.length;
    const squaredNorm = purpose === "evaluate" ? undefined : lie === "notFinite" ? NaN : (norm * samples) ** 2;
    if (lie === "notFinite") this.books.sentNotFinite(step);
    for (let times = lie === "twice" ? 2 : 1; times > 0; times--) {
      this.upward(connection, () => {
        this.deciding = { claim, lie, connection };
        this.take({ kind: "claimed", worker: connection.id, claim, squaredNorm });
        this.deciding = undefined;
      });
    }
  }

  // The coordinator's part.

  take(event: RunEvent): void {
    const queue: RunEvent[] = [event];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const before = this.state;
      const { state, actions, reasons } = decide(this.plan, before, next, this.now);
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
    if (event.kind === "tick" && wake <= this.now) throw new Error("it is woken, and does nothing");
    const { state } = this;
    this.at(Math.max(wake, this.now), () => this.state === state && this.take({ kind: "tick" }));
  }

  private perform(action: Action, before: RunState): RunEvent | undefined {
    switch (action.kind) {
      case "assign":
        return void this.assigned(action);
      case "recall": {
        const connection = this.connections.get(action.worker);
        if (connection) this.downward(connection, () => this.recalled(connection, action.assignment));
        return undefined;
      }
      case "accept":
        return void this.accepted(before);
      case "discard":
        return undefined;
      case "startOver":
        throw new Error("a step began anew, in a run that scales no losses");
      case "apply":
        this.books.applied(action);
        this.version = action.step;
        for (const id of readers(this.state, action.step)) this.sendParameters(this.connections.get(id)!);
        return { kind: "applied", step: action.step };
      case "evaluated":
        this.books.evaluated(action.step, this.plan.evaluationSamples.length);
        this.evaluated.push(action.step);
        return undefined;
      case "checkpoint":
        this.saved = action.step;
        return undefined;
      case "quarantine":
      case "dismiss": {
        const connection = this.connections.get(action.worker);
        if (action.kind === "quarantine" && connection) this.books.ban(workerId(connection.worker, connection.life));
        if (connection) {
          connection.worker.isAlive = false;
          this.forget(connection);
        }
        return undefined;
      }
      case "end":
        if (this.outcome) throw new Error("the run ended twice");
        this.outcome = action.outcome;
        this.books.ended(action.outcome);
        return undefined;
      default:
        return action satisfies never;
    }
  }

  private assigned(action: Extract<Action, { kind: "assign" }>): void {
    const connection = this.connections.get(action.worker);
    if (!connection) throw new Error("an assignment for somebody who is gone");
    this.books.assigned(this.state, workerId(connection.worker, connection.life), action);
    if (!this.script.exact && this.state.workers.get(action.worker)!.assignments.length > 1) this.pieces++;
    const { version } = action;
    if (version === this.version && connection.sentVersion < version) this.sendParameters(connection);
    this.downward(connection, () => {
      if (connection.availability === "paused") return;
      connection.queue.push({ action, isUnwanted: false });
      this.compute(connection);
    });
  }

  private sendParameters(connection: Connection): void {
    const { version } = this;
    connection.sentVersion = version;
    connection.unread++;
    this.downward(connection, () => {
      connection.unread--;
      connection.version = version;
      this.compute(connection);
    });
  }

  private recalled(connection: Connection, assignment: number): void {
    connection.queue = connection.queue.filter(({ action }) => action.assignment !== assignment);
    if (connection.computing?.action.assignment === assignment) connection.computing.isUnwanted = true;
  }

  private accepted(before: RunState): void {
    const { claim, lie, connection } = this.deciding!;
    this.books.accepted(before, connection.id, claim, lie);
  }
}
