// The coordinator: carries out what the decision core decides. Sockets, disk and clock are here; decisions are in decide/, arithmetic
// in reduce/.
import {
  discovery,
  graphToJson,
  layerSummaries,
  metricNames,
  type Contribution,
  type DoneEvent,
  type Hello,
  type Links,
  type ResolvedRun,
  type RunDocument,
  type TelemetryEvent,
} from "@tabgrad/core";
import { randomUUID } from "node:crypto";
import { CheckpointWriter, type Snapshot } from "./checkpoint/index.ts";
import type { Dataset } from "./data/index.ts";
import {
  decide,
  initialState,
  type Action,
  type Outcome,
  type RunEvent,
  type RunPlan,
  type RunState,
  type Totals,
} from "./decide/index.ts";
import { Schedule } from "./plan.ts";
import { Reducer } from "./reduce/reducer.ts";
import type { ArrivedGradient, Connection, ConnectionHandler } from "./rim/connection.ts";
import { Entrance } from "./rim/entrance.ts";
import { Pages } from "./rim/pages.ts";
import type { TlsPair } from "./rim/port.ts";
import { silenceMs } from "./rim/sockets.ts";
import { Journal, Scoreboard } from "./telemetry/index.ts";

export interface CoordinatorOptions {
  /** What people call the run: the run file's name. */
  readonly name: string;
  readonly run: ResolvedRun;
  /** The flat parameter vector to begin with. */
  readonly initial: Float32Array;
  readonly dataset: Dataset;
  /** Where checkpoints and the journal go; made if it is not there. */
  readonly directory: string;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The port speaks https beside http. */
  readonly tls?: TlsPair;
  /** A folder with the built web pages. Without it there are none. */
  readonly pages?: string;
  /** Whoever knows it may control the run. Without it nobody can. */
  readonly controlToken?: string;
  /** Go on serving pages and shards when the run is over, until `close`. */
  readonly stay?: boolean;
  /** Workers to wait for before the first step. */
  readonly startWorkers: number;
  /** Workers below which no step is opened. */
  readonly minWorkers: number;
  /** Version of the software, for the manifest. */
  readonly software: string;
  readonly onEvent: (event: TelemetryEvent) => void;
  /** Something that does not end the run but should be known. */
  readonly onWarning: (message: string) => void;
}

export interface RunningCoordinator {
  /** http://HOST:PORT, as a worker on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  readonly links: Links;
  /** When the run is over and, unless it was told to stay, everything is closed. Rejects with a TabgradError where the last checkpoint can't be written. */
  readonly done: Promise<DoneEvent>;
  /** Ends the run after the newest step, with a checkpoint. */
  stop(why: string): void;
  /** Closes what is still served; for a run that was told to stay. */
  close(): Promise<void>;
}

const checkpointsKept = 3;
/** What a worker gets to close its socket in the end. */
const closePatienceMs = 2_000;

/** Listens and begins as soon as there are workers. @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE, OUTPUT_UNWRITABLE */
export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const run = new CoordinatedRun(options);
  await run.begin();
  return run;
}

class CoordinatedRun implements RunningCoordinator, ConnectionHandler {
  readonly done: Promise<DoneEvent>;
  private readonly runId = randomUUID();
  private readonly options: CoordinatorOptions;
  private readonly schedule: Schedule;
  private readonly plan: RunPlan;
  private readonly reducer: Reducer;
  private readonly checkpoints: CheckpointWriter;
  private readonly metrics: readonly string[];
  private readonly graphJson: string;
  private journal: Journal | undefined;
  private entrance: Entrance | undefined;
  private state: RunState;
  private readonly queue: RunEvent[] = [];
  private dispatching = false;
  private readonly connections = new Map<string, Connection>();
  /** Gradients of contributions that were not decided on yet, by assignment. */
  private readonly arrived = new Map<number, { contribution: Contribution; gradient: ArrivedGradient }>();
  private readonly scoreboard: Scoreboard;
  private settle!: { resolve: (event: DoneEvent) => void; reject: (error: Error) => void };

  constructor(options: CoordinatorOptions) {
    const { run, dataset, startWorkers, minWorkers } = options;
    this.options = options;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.schedule = new Schedule({ run: run.description, dataset: dataset.description, startWorkers, minWorkers });
    this.plan = this.schedule.runPlan;
    this.state = initialState(this.plan);
    this.reducer = new Reducer(run.graph, run.description.optimizer, options.initial);
    this.metrics = metricNames(run.graph);
    this.scoreboard = new Scoreboard(this.metrics);
    this.graphJson = graphToJson(run.graph);
    this.checkpoints = new CheckpointWriter({
      directory: options.directory,
      keep: checkpointsKept,
      onWritten: (step, { path, bytes, milliseconds }) => this.tell({ event: "checkpoint", step, path, bytes, milliseconds }),
      onFailure: (step, error) => options.onWarning(`The checkpoint of step ${step} could not be written: ${error.message}`),
    });
  }

  async begin(): Promise<void> {
    const { directory, host, port, tls, run, dataset } = this.options;
    this.journal = await Journal.open(directory);
    const content = {
      runId: this.runId,
      store: dataset.store,
      identity: () => this.identity(),
      runDocument: () => JSON.stringify(this.document()),
      parameters: () => ({ version: this.reducer.version, bytes: this.reducer.parameterBytes() }),
      pages: await this.pages(),
    };
    this.entrance = await Entrance.open({ host, port, tls, content, layout: this.reducer.layout, handler: this });
    this.tell({
      event: "start",
      runId: this.runId,
      name: this.options.name,
      url: this.entrance.url,
      steps: this.plan.steps,
      stepsPerEpoch: this.schedule.stepsPerEpoch,
      step: this.state.step,
      batchSize: run.description.batchSize,
      microbatchSize: run.description.microbatchSize,
      parameters: this.reducer.elements,
      trainSamples: dataset.description.train.samples,
      evaluationSamples: dataset.description.evaluation.samples,
      seed: run.description.seed,
      lossName: run.description.loss,
      optimizerName: run.description.optimizer.kind,
      metricNames: this.metrics,
      layers: layerSummaries(run.graph),
    });
    // So that a run that diverges at once still has something to go back to.
    this.checkpoints.request(this.snapshot());
  }

  get url(): string {
    return this.entrance!.url;
  }

  get port(): number {
    return this.entrance!.port;
  }

  get links(): Links {
    return this.entrance!.links;
  }

  async close(): Promise<void> {
    await this.entrance!.close();
  }

  /** Training needs no pages: where they can't be read it goes on without. */
  private async pages(): Promise<Pages | undefined> {
    const { pages, onWarning } = this.options;
    try {
      return pages === undefined ? undefined : await Pages.read(pages);
    } catch (error) {
      onWarning(`The web pages can't be served: ${(error as Error).message}`);
      return undefined;
    }
  }

  private document(): RunDocument {
    const { name, dataset } = this.options;
    return { runId: this.runId, name, graph: this.graphJson, dataset: dataset.description };
  }

  private identity(): Readonly<Record<string, unknown>> {
    const { step, phase, workers } = this.state;
    return { ...discovery, run: this.runId, step, steps: this.plan.steps, workers: workers.size, phase };
  }

  stop(why: string): void {
    this.dispatch({ kind: "stop", why });
  }

  // What connections report.

  greeted(connection: Connection, hello: Hello): void {
    const { run, dataset } = this.options;
    connection.send({
      type: "welcome",
      runId: this.runId,
      graph: this.graphJson,
      metrics: this.metrics,
      microbatchSize: run.description.microbatchSize,
      chunkElements: this.reducer.layout.chunkElements,
      parameterElements: this.reducer.elements,
      fields: dataset.description.fields,
      shards: dataset.description.shards,
      seed: run.description.seed,
      silenceMs: 2 * silenceMs,
      worker: connection.id,
    });
    for (const frame of this.reducer.frames()) connection.sendFrame(frame);
    this.connections.set(connection.id, connection);
    const identity = {
      id: connection.id,
      name: this.uniqueName(hello.name),
      host: hello.host,
      engine: hello.engine,
      device: hello.device,
    };
    this.tell({ event: "worker", ...identity, state: "joined", workers: this.state.workers.size + 1 });
    this.dispatch({ kind: "joined", worker: identity });
  }

  contributed(connection: Connection, contribution: Contribution, gradient: ArrivedGradient): void {
    const open = this.state.assignments.get(contribution.assignment);
    const training = open?.worker === connection.id && this.state.ledger?.purpose === "train";
    if (training && !gradient.complete) {
      return this.dispatch({
        kind: "failed",
        worker: connection.id,
        assignment: contribution.assignment,
        why: "its contribution lacks chunks of the gradient",
      });
    }
    if (contribution.metricSums.length !== this.metrics.length) {
      const why = `it sent ${contribution.metricSums.length} metrics, the run has ${this.metrics.length}`;
      return this.dispatch({ kind: "failed", worker: connection.id, assignment: contribution.assignment, why });
    }
    this.arrived.set(contribution.assignment, { contribution, gradient });
    this.dispatch({
      kind: "claimed",
      worker: connection.id,
      claim: { ...contribution, computeMs: contribution.timings.computeMs },
      finite: Number.isFinite(contribution.lossSum),
    });
    this.arrived.delete(contribution.assignment);
  }

  failed(connection: Connection, assignment: number, why: string): void {
    this.dispatch({ kind: "failed", worker: connection.id, assignment, why });
  }

  availabilityChanged(): void {
    // Shares follow speed alone: no worker of ours says anything else yet.
  }

  left(connection: Connection, why: string): void {
    this.connections.delete(connection.id);
    const worker = this.state.workers.get(connection.id);
    // Nothing is told after the end: that everybody goes is part of it.
    if (worker && this.state.phase !== "ended") {
      const { id, name, host, engine, device } = worker;
      this.tell({ event: "worker", id, name, host, engine, device, state: "left", workers: this.state.workers.size - 1, why });
    }
    this.dispatch({ kind: "left", worker: connection.id, why });
  }

  private uniqueName(name: string): string {
    const taken = new Set([...this.state.workers.values()].map((worker) => worker.name));
    let unique = name;
    for (let i = 2; taken.has(unique); i++) unique = `${name} (${i})`;
    return unique;
  }

  // The loop: an event, a decision, its actions; what they cause is decided on after them.

  private dispatch(event: RunEvent): void {
    this.queue.push(event);
    if (this.dispatching) return;
    this.dispatching = true;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      const { state, actions, reasons } = decide(this.plan, this.state, next, performance.now());
      this.state = state;
      for (const reason of reasons) {
        if (reason.kind === "running") this.scoreboard.resume(performance.now());
        this.tell({ event: "decision", step: state.step, reason });
      }
      for (const action of actions) this.perform(action);
    }
    this.dispatching = false;
  }

  private perform(action: Action): void {
    switch (action.kind) {
      case "assign":
        return this.assign(action);
      case "accept":
        return this.accept(action.assignment, action.worker);
      case "discard":
        return;
      case "apply":
        return this.apply(action);
      case "evaluated":
        return this.evaluated(action.step, action.totals);
      case "checkpoint":
        return this.checkpoints.request(this.snapshot());
      case "dismiss":
        return this.connections.get(action.worker)?.dismiss(action.why, false);
      case "end":
        void this.end(action.outcome).then(this.settle.resolve, this.settle.reject);
        return;
      default:
        action satisfies never;
    }
  }

  private assign({ worker, assignment, purpose, step, version, microbatches }: Extract<Action, { kind: "assign" }>): void {
    this.connections.get(worker)?.send({
      type: "assignment",
      assignment,
      purpose,
      step,
      version,
      microbatches: this.schedule.microbatches(purpose, step, microbatches),
      upcomingShards: this.schedule.upcomingShards(purpose, step, microbatches),
    });
  }

  private accept(assignment: number, id: string): void {
    const { contribution, gradient } = this.arrived.get(assignment)!;
    if (gradient.chunks.length === 0) return;
    this.reducer.add(gradient.chunks);
    const { samples, timings } = contribution;
    const name = this.state.workers.get(id)?.name ?? id;
    this.scoreboard.contributed({ id, name, samples, timings, endedAt: Date.now() });
  }

  private apply({ step, totals, learningRate }: Extract<Action, { kind: "apply" }>): void {
    const { samples } = totals;
    const reduction = this.reducer.apply({ samples, learningRate }, (frame) => this.entrance!.broadcast(frame));
    if (reduction.kind === "notFinite") return void this.queue.push({ kind: "diverged", step, what: reduction.what });
    const { gradientNorm } = reduction;
    const epoch = this.schedule.epochOf(step);
    const workers = this.state.workers.size;
    this.tell({
      event: "step",
      step,
      epoch,
      ...this.scoreboard.step(totals, performance.now()),
      workers,
      gradientNorm,
      learningRate,
    });
    this.queue.push({ kind: "applied", step });
  }

  private evaluated(step: number, totals: Totals): void {
    const means = this.scoreboard.evaluated(step, totals, performance.now());
    this.tell({ event: "eval", step, epoch: this.schedule.epochOf(step), ...means, samples: totals.samples });
  }

  private snapshot(): Snapshot {
    const { run, software } = this.options;
    const step = this.reducer.version;
    return {
      weights: this.reducer.weights(),
      optimizer: this.reducer.optimizerState(),
      manifest: {
        format: 1,
        tabgrad: software,
        runId: this.runId,
        step,
        epoch: this.schedule.epochOf(step),
        run: run.description,
        parametersSha256: this.reducer.parametersSha256(),
        evaluation: this.scoreboard.evaluation,
      },
    };
  }

  private async end(outcome: Outcome): Promise<DoneEvent> {
    const { step } = this.state;
    const result = this.scoreboard.done(outcome, performance.now());
    const farewell =
      outcome.kind === "finished" ? `finished after ${step} steps` : outcome.kind === "stopped" ? outcome.why : "the run diverged";
    const dismissed = this.entrance!.dismissWorkers(farewell, closePatienceMs);
    try {
      // What diverged is worth nothing; the checkpoint before it stays.
      if (outcome.kind === "diverged") await this.checkpoints.settled();
      else await this.checkpoints.write(this.snapshot());
      const checkpoint = this.checkpoints.newest ?? null;
      const event: DoneEvent = { event: "done", ...result, step, checkpoint, parametersSha256: this.reducer.parametersSha256() };
      this.tell(event);
      return event;
    } finally {
      await dismissed;
      if (!this.options.stay) await this.close();
      await this.journal?.close();
    }
  }

  private tell(event: TelemetryEvent): void {
    this.journal?.append(event, Date.now());
    this.options.onEvent(event);
  }
}
