// A world under a virtual clock for the decision core: workers that compute, stall, lie and die, a network that holds messages back, and a
// coordinator that is killed. It keeps its own books of what was asked for, computed and counted, and compares after every event.
import { isAlignedBlock, TreeSum, type Reason, type WorkerAvailability } from "@tabgrad/core";
import {
  decide,
  initialState,
  nextWake,
  type Action,
  type Claim,
  type RunEvent,
  type RunPlan,
  type RunState,
} from "../src/decide/index.ts";
import { silenceMs } from "../src/rim/sockets.ts";

export type Lie = "notFinite" | "outlandish" | "version" | "samples" | "twice";

export interface Fault {
  /** Milliseconds after the fault before. */
  readonly after: number;
  readonly kind:
    "join" | "kill" | "vanish" | "stall" | "cut" | "slow" | "rest" | "hide" | "show" | "fail" | "drop" | "pause" | "restart" | Lie;
  readonly worker: number;
  /** Of whatever it is: milliseconds, a factor, contributions. 0 to 1. */
  readonly extent: number;
}

export interface Script {
  readonly exact: boolean;
  readonly microbatches: number;
  readonly steps: number;
  readonly startWorkers: number;
  /** Milliseconds for a sample, of each worker. */
  readonly speeds: readonly number[];
  readonly faults: readonly Fault[];
  /** Decides every latency. */
  readonly seed: number;
}

interface Sent {
  readonly action: Extract<Action, { kind: "assign" }>;
  isUnwanted: boolean;
}

interface Connection {
  readonly id: string;
  readonly worker: SimulatedWorker;
  /** The process at its other end. */
  readonly life: number;
  /** Neither side has given it up. */
  isOpen: boolean;
  /** When the newest message of either direction arrives: they stay in order. */
  up: number;
  down: number;
  heardAt: number;
  queue: Sent[];
  computing?: Sent;
  availability: WorkerAvailability;
}

interface SimulatedWorker {
  readonly index: number;
  speed: number;
  /** Another process, under another name, after each death. */
  life: number;
  isAlive: boolean;
  stalledUntil: number;
  cutUntil: number;
  lies: { kind: Lie; left: number };
  connection?: Connection;
}

interface Sum {
  readonly tree: TreeSum<number> | undefined;
  readonly counted: Set<number>;
}

const lives = ({ worker, life }: Connection): boolean => worker.isAlive && worker.life === life;

/** Virtual milliseconds within which a run has to end once nothing befalls it any more: some silences, and its steps. */
const patienceMs = 400_000;
const samplesEach = 32;

export class World {
  state: RunState;
  now = 0;
  readonly reasons: Reason[] = [];
  outcome: Extract<Action, { kind: "end" }>["outcome"] | undefined;
  readonly evaluated: number[] = [];
  private readonly plan: RunPlan;
  private readonly script: Script;
  private readonly agenda: { at: number; order: number; run: () => void }[] = [];
  private order = 0;
  private readonly workers: SimulatedWorker[];
  private readonly connections = new Map<string, Connection>();
  private count = 0;
  private random: number;
  private lies = 0;
  /** Claims that are being decided on. */
  private deciding: { claim: Claim; lie: Lie | undefined; connection: Connection } | undefined;
  /** By purpose and step. */
  private readonly sums = new Map<string, Sum>();
  private saved = 0;
  private readonly notFinite = new Map<number, number>();
  private readonly banned = new Set<string>();

  constructor(script: Script) {
    this.script = script;
    this.random = script.seed;
    this.plan = {
      steps: script.steps,
      stepSamples: () => Array.from({ length: script.microbatches }, () => samplesEach),
      evaluationSamples: [8, 8, 3],
      evaluateAfter: (step) => step % 3 === 0,
      checkpointEvery: { steps: 2 },
      startWorkers: script.startWorkers,
      minWorkers: 1,
      learningRate: 0.1,
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
    for (const fault of this.script.faults) this.at((at += fault.after), () => this.befall(fault));
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
      this.check();
    }
    const { kind } = this.outcome;
    if (kind === "finished" && this.state.step !== this.plan.steps) throw new Error(`finished after ${this.state.step} steps`);
    if (kind === "stopped") throw new Error("nobody stopped it");
  }

  private at(at: number, run: () => void): void {
    this.agenda.push({ at, order: ++this.order, run });
  }

  /** 0 to 1, from the seed (Park and Miller, 1988). */
  private draw(): number {
    this.random = ((this.random || 1) * 48_271) % 2_147_483_647;
    return this.random / 2_147_483_647;
  }

  // What happens to whom.

  private befall({ kind, worker: index, extent }: Fault): void {
    const worker = this.workers[index % this.workers.length];
    const { connection } = worker;
    switch (kind) {
      case "join":
        return this.start(worker);
      case "kill":
        worker.isAlive = false;
        if (connection) this.closed(connection, "connection lost");
        return;
      case "vanish":
        worker.isAlive = false;
        return;
      case "stall":
        worker.stalledUntil = this.now + 40_000 * extent ** 3;
        return;
      case "cut":
        worker.cutUntil = this.now + 40_000 * extent ** 3;
        return;
      case "slow":
        worker.speed = 0.05 + 3 * extent;
        return;
      case "rest":
      case "hide":
      case "show":
        if (connection)
          this.setAvailability(connection, ({ rest: "paused", hide: "background", show: "available" } as const)[kind]);
        return;
      case "fail":
        if (connection?.computing) this.upward(connection, () => this.fail(connection));
        return;
      case "drop":
        if (connection) this.take({ kind: "drop", worker: connection.id });
        return;
      case "pause":
        this.take({ kind: "pause" });
        return this.at(this.now + 500 * extent, () => this.take({ kind: "resume" }));
      case "restart":
        return this.restart();
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

  private start(worker: SimulatedWorker): void {
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
    const workerId = `${worker.index}/${worker.life}`;
    if (this.state.conduct.get(workerId)?.isQuarantined) {
      worker.isAlive = false;
      return;
    }
    const id = `w${++this.count}`;
    const connection: Connection = {
      ...{ id, worker, life: worker.life, isOpen: true, up: 0, down: 0, heardAt: this.now },
      ...{ queue: [], availability: "available" },
    };
    worker.connection = connection;
    this.connections.set(id, connection);
    this.take({ kind: "joined", workerId, worker: { id, name, host: "node", engine: "cpu", device: "test" } });
  }

  /** The coordinator gives a connection up. A worker that lives comes back. */
  private closed(connection: Connection, why: string): void {
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

  private restart(): void {
    for (const connection of [...this.connections.values()]) this.forget(connection);
    for (const key of this.sums.keys())
      if (Number(key.split(" ")[1]) > this.saved || key.startsWith("evaluate")) this.sums.delete(key);
    this.state = { ...initialState(this.plan), step: this.saved };
  }

  private setAvailability(connection: Connection, availability: WorkerAvailability): void {
    if (connection.availability === availability) return;
    connection.availability = availability;
    if (availability === "paused") {
      connection.queue = [];
      if (connection.computing) connection.computing.isUnwanted = true;
    }
    this.upward(connection, () => this.take({ kind: "availability", worker: connection.id, availability, why: "it said so" }));
  }

  // The network: in order for each connection and direction, in any order between workers.

  private upward(connection: Connection, deliver: () => void): void {
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
    const next = connection.queue.shift();
    if (!next) return;
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

  private fail(connection: Connection): void {
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
    if (lie === "notFinite") this.notFinite.set(step, (this.notFinite.get(step) ?? 0) + 1);
    for (let times = lie === "twice" ? 2 : 1; times > 0; times--) {
      this.upward(connection, () => {
        this.deciding = { claim, lie, connection };
        this.take({ kind: "claimed", worker: connection.id, claim, squaredNorm });
        this.deciding = undefined;
      });
    }
  }

  // The coordinator's part.

  private take(event: RunEvent): void {
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
      case "apply": {
        const counted = this.sums.get(`train ${action.step}`)?.counted.size ?? 0;
        if (counted !== this.script.microbatches) throw new Error(`step ${action.step} took ${counted} microbatches`);
        if (action.totals.samples !== counted * samplesEach)
          throw new Error(`step ${action.step} sums ${action.totals.samples} samples`);
        if (this.sums.get(`train ${action.step}`)!.tree?.isComplete === false) throw new Error("the tree lacks something");
        return { kind: "applied", step: action.step };
      }
      case "evaluated":
        if (this.sums.get(`evaluate ${action.step}`)?.counted.size !== 3) throw new Error("an evaluation lacks something");
        this.sums.delete(`evaluate ${action.step}`);
        this.evaluated.push(action.step);
        return undefined;
      case "checkpoint":
        this.saved = action.step;
        return undefined;
      case "quarantine":
      case "dismiss": {
        const connection = this.connections.get(action.worker);
        if (action.kind === "quarantine" && connection) this.banned.add(`${connection.worker.index}/${connection.worker.life}`);
        if (connection) {
          connection.worker.isAlive = false;
          this.forget(connection);
        }
        return undefined;
      }
      case "end":
        if (this.outcome) throw new Error("the run ended twice");
        this.outcome = action.outcome;
        if (action.outcome.kind === "diverged" && (this.notFinite.get(action.outcome.step) ?? 0) < 2)
          throw new Error("the run diverged by the word of one worker");
        return undefined;
      default:
        return action satisfies never;
    }
  }

  private assigned(action: Extract<Action, { kind: "assign" }>): void {
    const connection = this.connections.get(action.worker);
    if (!connection) throw new Error("an assignment for somebody who is gone");
    const { microbatches, purpose, version } = action;
    if (this.state.phase === "paused") throw new Error("handed out while the run is paused");
    if (version !== this.state.step) throw new Error(`version ${version} in step ${this.state.step + 1}`);
    const { index, life } = connection.worker;
    if (this.banned.has(`${index}/${life}`)) throw new Error("an assignment for somebody in quarantine");
    const block = { first: microbatches[0], end: microbatches[microbatches.length - 1] + 1 };
    const isBlock = block.end - block.first === microbatches.length && isAlignedBlock(block, this.script.microbatches);
    if (this.script.exact && purpose === "train" && !isBlock) throw new Error(`${microbatches.join()} is no block`);
    this.downward(connection, () => {
      if (connection.availability === "paused") return;
      connection.queue.push({ action, isUnwanted: false });
      this.compute(connection);
    });
  }

  private recalled(connection: Connection, assignment: number): void {
    connection.queue = connection.queue.filter(({ action }) => action.assignment !== assignment);
    if (connection.computing?.action.assignment === assignment) connection.computing.isUnwanted = true;
  }

  private accepted(before: RunState): void {
    const { claim, lie, connection } = this.deciding!;
    const { purpose } = before.assignments.get(claim.assignment)!;
    if (purpose === "train" && lie === "outlandish" && before.norms.length >= 16)
      throw new Error("an outlandish gradient was accepted");
    if (lie === "version" || lie === "samples" || (purpose === "train" && lie === "notFinite"))
      throw new Error(`${lie} was accepted`);
    if (!before.workers.has(connection.id)) throw new Error("accepted of somebody who is gone");
    const key = `${purpose} ${claim.step}`;
    const { microbatches, exact } = this.script;
    const tree = exact && purpose === "train" ? new TreeSum<number>(microbatches, (a, b) => a + b) : undefined;
    const sum = this.sums.get(key) ?? { tree, counted: new Set() };
    this.sums.set(key, sum);
    for (const index of claim.microbatches) {
      if (sum.counted.has(index)) throw new Error(`microbatch ${index} of step ${claim.step} counted twice`);
      sum.counted.add(index);
    }
    sum.tree?.add({ first: claim.microbatches[0], end: claim.microbatches.at(-1)! + 1 }, claim.samples);
  }

  /** What must hold of the state after every event. */
  private check(): void {
    const { ledger, assignments, workers, norms, suspects, conduct, phase } = this.state;
    if (phase === "ended") return;
    const held = [...workers.values()].flatMap((worker) => worker.assignments);
    if (held.length !== assignments.size || held.some((id) => !assignments.has(id)))
      throw new Error("assignments without a holder");
    for (const worker of workers.values()) {
      if (worker.availability === "paused" && worker.assignments.length > 0) throw new Error("a resting worker holds something");
      if (worker.excused.length > 64 || worker.assignments.length > 64) throw new Error("a worker holds too much");
    }
    for (const { counts, microbatches, worker } of assignments.values()) {
      if (!workers.has(worker)) throw new Error("an assignment outlived its worker");
      if (counts && microbatches.some((index) => ledger?.entries[index].state.kind !== "assigned"))
        throw new Error("counted already");
    }
    for (const { state, index } of ledger?.entries ?? []) {
      const holders = state.kind === "assigned" ? state.assignments.map((id) => assignments.get(id)) : [];
      if (holders.some((open) => !open?.counts || !open.microbatches.includes(index)))
        throw new Error(`nobody has microbatch ${index}`);
      if (new Set(holders.map((open) => open!.worker)).size !== holders.length) throw new Error("one worker has it twice");
    }
    if (norms.length > 64 || suspects.length > this.script.microbatches || conduct.size > 64) throw new Error("something grows");
  }
}
