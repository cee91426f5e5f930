// The coordinator: carries out what the decision core decides. Sockets, disk and clock are here; decisions are in decide/, arithmetic
// in reduce/.
import {
  closeCodes,
  divisorRule,
  parameterSlots,
  rangesOf,
  watchPath,
  type Availability,
  type Contribution,
  type ControlCommand,
  type DoneEvent,
  type Hello,
  type Links,
  type Reason,
  type TelemetryEvent,
} from "@tabgrad/core";
import { CheckpointWriter, takeSnapshot, type Snapshot } from "./checkpoint/index.ts";
import { commandEvent, isQuarantined, partOf, readers, type Action, type Outcome, type RunEvent } from "./decide/index.ts";
import { resumedState } from "./decide/resume.ts";
import { Versions } from "./decide/versions.ts";
import { Delivery } from "./delivery.ts";
import { Description } from "./description.ts";
import { Loop } from "./loop.ts";
import { claimFolder, keepControlToken, type FolderLock } from "./folder/index.ts";
import { checkpointsKept, type CoordinatorOptions, type RunningCoordinator } from "./options.ts";
import { Schedule } from "./plan.ts";
import { newestCopy } from "./reduce/newest-copy.ts";
import { ContributionNorm } from "./reduce/norm.ts";
import { Reducer } from "./reduce/reducer.ts";
import { resumePoint } from "./resume/index.ts";
import type { ArrivedGradient, Connection, ConnectionHandler } from "./rim/connection.ts";
import { ControlKey } from "./rim/control-key.ts";
import { Entrance } from "./rim/entrance.ts";
import { servedPages } from "./rim/pages.ts";
import { quarantined } from "./rim/quarantined.ts";
import { Team } from "./rim/team.ts";
import { Watchers } from "./rim/watchers.ts";
import { Histograms, Journal, Scoreboard, Telling } from "./telemetry/index.ts";

/** What workers and pages get to close their sockets in the end. */
const closePatienceMs = 2_000;

/**
 * Listens, and begins or goes on as soon as there are workers.
 * @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE, OUTPUT_UNWRITABLE, OUTPUT_IN_USE
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const lock = options.resumption?.lock ?? (await claimFolder(options.directory));
  try {
    const run = new CoordinatedRun(options, lock);
    await run.begin();
    return run;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

type Performing<K extends Action["kind"]> = Extract<Action, { kind: K }>;

class CoordinatedRun implements RunningCoordinator, ConnectionHandler {
  readonly done: Promise<DoneEvent>;
  private readonly options: CoordinatorOptions;
  private readonly lock: FolderLock;
  private readonly schedule: Schedule;
  private readonly reducer: Reducer;
  private readonly delivery: Delivery;
  private readonly versions: Versions;
  private readonly divisorOf: ReturnType<typeof divisorRule>;
  private readonly description: Description;
  private readonly checkpoints: CheckpointWriter;
  private readonly scoreboard: Scoreboard;
  private readonly histograms: Histograms;
  private readonly watchers: Watchers;
  private readonly team = new Team();
  private telling: Telling | undefined;
  private entrance: Entrance | undefined;
  private readonly loop: Loop;
  /** Gradients of contributions that were not decided on yet, by assignment. */
  private readonly arrived = new Map<number, { contribution: Contribution; gradient: ArrivedGradient }>();
  private settle!: { resolve: (event: DoneEvent) => void; reject: (error: Error) => void };
  private farewell = "";

  constructor(options: CoordinatorOptions, lock: FolderLock) {
    const { run, dataset, startWorkers, minWorkers, resumption } = options;
    this.options = options;
    this.lock = lock;
    this.done = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.schedule = new Schedule({
      run: run.description,
      report: run.report,
      dataset: dataset.description,
      startWorkers,
      minWorkers,
    });
    this.loop = new Loop({
      plan: this.schedule.runPlan,
      state: resumption && resumedState(this.schedule.runPlan, resumePoint(resumption)),
      onReason: (reason) => this.told(reason),
      perform: (action) => this.perform(action),
    });
    const step = resumption?.checkpoint.manifest.step;
    this.versions = new Versions(run.description.averageWeights !== undefined);
    this.divisorOf = divisorRule(run.report);
    this.reducer = new Reducer(run, options.initial, step);
    if (resumption) this.reducer.restoreOptimizer(resumption.checkpoint.optimizer);
    this.delivery = new Delivery(this.reducer);
    this.description = new Description(options, this.schedule, this.reducer);
    this.scoreboard = new Scoreboard(options.run.report);
    this.scoreboard.evaluation = resumption?.checkpoint.manifest.evaluation ?? null;
    this.histograms = new Histograms(this.reducer);
    this.checkpoints = new CheckpointWriter({
      directory: options.directory,
      keep: options.keep ?? checkpointsKept,
      stored: resumption?.stored,
      score: this.schedule.score,
      // Whoever wants one checkpoint, at the end, gets one.
      saveBest: run.description.checkpointEvery !== "end",
      beforeNaming: () => this.telling!.saved(),
      onWritten: (step, { path, bytes, milliseconds }) => this.tell({ event: "checkpoint", step, path, bytes, milliseconds }),
      onFailure: (step, error) => options.onWarning(`The checkpoint of step ${step} could not be written: ${error.message}`),
    });
    this.watchers = new Watchers({
      key: new ControlKey(options.controlToken),
      view: () => this.telling!.view,
      links: () => this.links,
      onSecond: () => this.tellVitals(),
      histograms: () => this.histograms.make(performance.now()) ?? this.histograms.newest,
      control: (command) => this.control(command),
    });
  }

  async begin(): Promise<void> {
    const { directory, host, port, tls, dataset, onEvent, controlToken, resumption } = this.options;
    const { view, bytes = 0, workers: formerWorkers } = resumption?.journal ?? {};
    const journal = await Journal.open(directory, {
      bytes,
      onFailure: (error) => this.options.onWarning(`The journal can't be written, and waits: ${error.message}`),
    });
    if (controlToken !== undefined) await keepControlToken(directory, controlToken);
    this.telling = new Telling({ journal, view, onEvent, onFollowed: (time, event) => this.watchers.queue(time, event) });
    const content = {
      runId: this.description.runId,
      store: dataset.store,
      identity: () => this.description.identity(this.loop.state),
      runDocument: () => JSON.stringify(this.description.document()),
      parameters: newestCopy(this.reducer, () => performance.now()),
      pages: await servedPages(this.options),
    };
    const sockets = { [watchPath]: this.watchers.server };
    const { elements: parameterElements, moving } = this.reducer;
    const norm = new ContributionNorm(moving.chunks, parameterSlots(this.options.run.graph));
    const squaredNorm = (values: Float32Array, chunk: number): number => norm.squared(values, chunk);
    const workers = { parameterElements, gradient: moving.chunks, squaredNorm, handler: this };
    this.entrance = await Entrance.open({ host, port, tls, content, workers, formerWorkers, sockets });
    this.tell(this.description.start(this.entrance.url, this.loop.state.step));
    // So that a run that diverges at once still has something to go back to.
    if (!resumption) this.checkpoints.request(this.snapshot());
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

  stop(why: string): void {
    this.loop.dispatch({ kind: "stop", why });
  }

  async close(): Promise<void> {
    this.telling!.flush();
    await this.watchers.close(this.farewell, closePatienceMs);
    await this.entrance!.close();
  }

  // What connections report.

  greeted(connection: Connection, hello: Hello): void {
    if (this.loop.isOver) return connection.dismiss(this.farewell, false);
    const { workerId } = hello;
    if (isQuarantined(this.loop.state.conduct, workerId)) {
      return connection.refuse(quarantined("what it sent was wrong before"), closeCodes.refused);
    }
    const objection = this.description.objection(hello);
    if (objection) return connection.refuse(objection, closeCodes.refused);
    connection.send(this.description.welcome(connection.id));
    const worker = this.team.join(connection, hello);
    this.tell({ event: "worker", ...worker, state: "joined", workers: this.team.size });
    this.loop.dispatch({ kind: "joined", worker, workerId });
  }

  contributed(connection: Connection, contribution: Contribution, gradient: ArrivedGradient): void {
    const { id: worker } = connection;
    const { assignment, metricSums } = contribution;
    const { metricSums: expected } = this.description;
    const open = this.loop.state.assignments.get(assignment);
    const isTraining = open?.worker === worker && open.purpose === "train";
    const lack =
      isTraining && !gradient.complete
        ? "its contribution lacks chunks of the gradient"
        : metricSums.length !== expected && `it sent ${metricSums.length} sums of metrics, the run has ${expected}`;
    if (lack) return this.loop.dispatch({ kind: "failed", worker, assignment, why: lack });
    this.arrived.set(assignment, { contribution, gradient });
    const claim = { ...contribution, computeMs: contribution.timings.computeMs };
    const squaredNorm = isTraining && open.counts ? gradient.squaredNorm : undefined;
    this.loop.dispatch({ kind: "claimed", worker, claim, squaredNorm });
    this.arrived.delete(assignment);
  }

  failed(connection: Connection, assignment: number, why: string): void {
    this.loop.dispatch({ kind: "failed", worker: connection.id, assignment, why });
  }

  availabilityChanged(connection: Connection, { state: availability, reason: why }: Availability): void {
    const worker = this.loop.state.workers.get(connection.id);
    if (!worker || worker.availability === availability || this.loop.isOver) return;
    if (worker.availability === "paused") {
      const { ledger, step } = this.loop.state;
      this.delivery.begin(connection, ledger?.version ?? this.versions.of("train", step));
    }
    this.tell({ event: "availability", id: worker.id, name: worker.name, availability, why });
    this.loop.dispatch({ kind: "availability", worker: worker.id, availability, why });
  }

  left({ id }: Connection, why: string): void {
    this.depart(id, why);
    this.loop.dispatch({ kind: "left", worker: id, why });
  }

  private depart(id: string, why: string): void {
    const member = this.team.leave(id);
    // Nothing is told after the end: that everybody goes is part of it.
    if (!member || this.loop.isOver) return;
    this.tell({ event: "worker", ...member.identity, state: "left", workers: this.team.size, why });
  }

  // What pages ask for.

  private control(command: ControlCommand): void {
    this.loop.dispatch(commandEvent(command, this.loop.state));
  }

  private tellVitals(): void {
    if (this.team.size > 0) this.telling!.tellViewers({ event: "vitals", workers: this.team.vitals() });
  }

  // What is decided.

  private told(reason: Reason): void {
    if (reason.kind === "running") this.scoreboard.resume(performance.now());
    this.tell({ event: "decision", step: this.loop.state.step, reason });
  }

  /** @returns what came of it, where that is to be decided on */
  private perform(action: Action): RunEvent | undefined {
    switch (action.kind) {
      case "apply":
        return this.apply(action);
      case "assign":
        return void this.assign(action);
      case "accept":
        return void this.accept(action);
      case "recall":
        return void this.recall(action);
      case "startOver":
        this.reducer.startOver();
        this.scoreboard.startOver();
        return undefined;
      case "discard":
        return undefined;
      case "evaluated":
        return void this.evaluated(action);
      case "checkpoint":
        return void this.checkpoints.request(this.snapshot());
      case "dismiss":
        return void this.dismiss(action);
      case "quarantine":
        return void this.quarantine(action);
      case "end":
        return void this.end(action.outcome).then(this.settle.resolve, this.settle.reject);
      default:
        return action satisfies never;
    }
  }

  private assign({ worker, assignment, purpose, step, version, microbatches, lossScale }: Performing<"assign">): void {
    const connection = this.team.get(worker)?.connection;
    if (!connection) return;
    this.delivery.bring(connection, version);
    connection.send({
      type: "assignment",
      assignment,
      purpose,
      step,
      version,
      microbatches: this.schedule.microbatches(purpose, step, microbatches),
      // Each assignment says it anew, so it is of the whole part.
      upcomingShards: this.schedule.upcomingShards(purpose, step, partOf(this.loop.state, worker, purpose, version)),
      ...(lossScale !== undefined && { lossScale }),
    });
  }

  private recall({ worker, assignment }: Performing<"recall">): void {
    this.team.get(worker)?.connection.send({ type: "recall", assignment, microbatches: [] });
  }

  private accept({ assignment, worker: id }: Performing<"accept">): void {
    const { contribution, gradient } = this.arrived.get(assignment)!;
    if (gradient.chunks.length === 0) return;
    const { samples, timings, step } = contribution;
    this.reducer.add(gradient.chunks, {
      squaredNorm: gradient.squaredNorm,
      place: this.schedule.place(step, contribution.microbatches),
    });
    const microbatches = rangesOf(contribution.microbatches);
    const name = this.team.get(id)?.identity.name ?? id;
    this.scoreboard.contributed({ id, name, samples, microbatches, timings, endedAt: Date.now() });
  }

  private apply({ step, totals, learningRate, baseLearningRate, lossScale, version }: Performing<"apply">): RunEvent {
    const samples = this.divisorOf(totals);
    const connections = readers(this.loop.state, version).flatMap((id) => this.team.get(id)?.connection ?? []);
    const send = this.delivery.announce(connections, version);
    const reduction = this.reducer.apply({ samples, learningRate, version }, send);
    if (reduction.kind === "notFinite") return { kind: "diverged", step, what: reduction.what };
    const { gradientNorm, clipped } = reduction;
    const measured = this.scoreboard.step(totals, performance.now());
    const epoch = this.schedule.epochOf(step);
    const taken = {
      gradientNorm,
      ...(clipped !== undefined && { clipped }),
      learningRate,
      ...(this.schedule.isScheduled && { baseLearningRate }),
      ...(lossScale !== undefined && { lossScale }),
    };
    this.tell({ event: "step", step, epoch, ...measured, workers: this.team.size, ...taken });
    const histograms = this.watchers.looked && this.histograms.make(performance.now());
    if (histograms) this.watchers.sendHistograms(histograms);
    return { kind: "applied", step };
  }

  private evaluated({ step, totals, watched, standings }: Performing<"evaluated">): void {
    const means = this.scoreboard.evaluated(step, totals, watched, performance.now());
    this.tell({ event: "eval", step, epoch: this.schedule.epochOf(step), ...means, samples: totals.samples, ...standings });
    this.checkpoints.evaluated(this.scoreboard.evaluation!, () => this.snapshot());
  }

  private dismiss({ worker, why }: Performing<"dismiss">): void {
    this.team.get(worker)?.connection.dismiss(why, false);
    this.depart(worker, why);
  }

  private quarantine({ worker, why }: Performing<"quarantine">): void {
    this.team.get(worker)?.connection.refuse(quarantined(why), closeCodes.refused);
    this.depart(worker, why);
  }

  private snapshot(): Snapshot {
    const manifest = this.description.manifest(this.loop.state, this.scoreboard.evaluation, this.port);
    return takeSnapshot(this.reducer.weights(), this.reducer.optimizerState(), manifest);
  }

  private async end(outcome: Outcome): Promise<DoneEvent> {
    const { step } = this.loop.state;
    const result = this.scoreboard.done(outcome, performance.now());
    this.farewell = outcome.kind === "finished" ? `finished after ${step} steps` : (result.why ?? "");
    const dismissed = this.entrance!.dismissWorkers(this.farewell, closePatienceMs);
    try {
      // What diverged is worth nothing; the checkpoint before it stays.
      if (outcome.kind === "diverged") await this.checkpoints.settled();
      else await this.checkpoints.write(this.snapshot());
      const { newest: checkpoint = null, best: bestCheckpoint } = this.checkpoints;
      const parametersSha256 = this.reducer.parametersSha256();
      const event: DoneEvent = {
        event: "done",
        ...result,
        step,
        checkpoint,
        ...(bestCheckpoint !== undefined && { bestCheckpoint }),
        parametersSha256,
      };
      this.tell(event);
      return event;
    } finally {
      await dismissed;
      if (!this.options.stay) await this.close();
      await this.telling!.close().finally(() => this.lock.release());
    }
  }

  private tell(event: TelemetryEvent): void {
    this.telling!.tell(event);
  }
}
