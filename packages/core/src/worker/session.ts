// Drives the worker's session: carries out what advance.ts asks for, on a host's socket, clock and network and on a `Compute`, and
// tells it what came of that. Runs in a process and in a tab alike.
import { TabgradError } from "../errors.ts";
import { otherStretches, PackedLayout } from "../protocol/packed-layout.ts";
import type {
  Assignment,
  AvailabilityState,
  Contribution,
  FrozenChunk,
  ParametersChunk,
  ToCoordinator,
  ToWorker,
  Welcome,
} from "../protocol/messages.ts";
import { encodeToCoordinator } from "../protocol/to-coordinator.ts";
import { decodeToWorker } from "../protocol/to-worker.ts";
import { advance } from "./advance.ts";
import type { Compute } from "./compute.ts";
import { nextWake } from "./connection.ts";
import type { WorkerHost, WorkerSocket } from "./host.ts";
import { ParameterAssembly } from "./parameters.ts";
import {
  initialSession,
  type SessionAction,
  type SessionEvent,
  type SessionPlan,
  type SessionState,
  type WorkerOutcome,
} from "./state.ts";
import { Uploads } from "./uploads.ts";

/** A worker's part in a run, from the first attempt to connect to the end. The `Compute` stays the caller's. */
export class WorkerSession {
  /** Settles when the session has ended and nothing of it is left behind; never rejects. */
  readonly outcome: Promise<WorkerOutcome>;
  readonly #plan: SessionPlan;
  readonly #host: WorkerHost;
  readonly #compute: Compute;
  readonly #fetches = new AbortController();
  readonly #sockets = new Set<WorkerSocket>();
  #state: SessionState;
  readonly #events: SessionEvent[] = [];
  #isHandling = false;
  #isStarted = false;
  #wake: { readonly at: number; readonly cancel: () => void } | undefined;
  #socket: WorkerSocket | undefined;
  #uploads: Uploads | undefined;
  #parameters = new ParameterAssembly(new PackedLayout([]));
  #parametersSet: Promise<void> = Promise.resolve();
  #gradientBytes = 0;
  #spareGradients: ArrayBuffer[] = [];
  #resolve!: (outcome: WorkerOutcome) => void;

  constructor(plan: SessionPlan, host: WorkerHost, compute: Compute) {
    this.#plan = plan;
    this.#host = host;
    this.#compute = compute;
    this.#state = initialSession(host.now());
    this.outcome = new Promise((resolve) => (this.#resolve = resolve));
  }

  get state(): SessionState {
    return this.#state;
  }

  start(): void {
    this.#isStarted = true;
    this.#take({ type: "start" });
  }

  /** Leaves the run politely; called again, at once. */
  leave(reason: string): void {
    this.#take({ type: "leave", reason });
  }

  /**
   * How much of a share this worker is to get from now on, whatever becomes of its connections; at any time, before `start` too. Paused,
   * it holds no assignment and gets no parameters, but stays in the run, with its shards and its program.
   * @param reason for people, at most 500 characters: "the tab is hidden"
   */
  setAvailability(state: AvailabilityState, reason: string): void {
    this.#take({ type: "availability", wanted: { state, reason } });
  }

  /** Events that come up while actions are carried out wait until those are done. */
  #take(event: SessionEvent): void {
    this.#events.push(event);
    if (this.#isHandling) return;
    this.#isHandling = true;
    try {
      for (let next = this.#events.shift(); next; next = this.#events.shift()) {
        const { state, actions } = advance(this.#plan, this.#state, next, this.#host.now());
        this.#state = state;
        for (const action of actions) this.#perform(action);
      }
    } finally {
      this.#isHandling = false;
    }
    this.#arm();
    this.#host.changed?.(this.#state);
  }

  /** One timer, set anew only where it has to fire earlier: what it is for mostly moves on before it fires. */
  #arm(): void {
    // What is not started connects to nothing.
    if (!this.#isStarted) return;
    const at = nextWake(this.#plan, this.#state);
    if (at === undefined || (this.#wake && this.#wake.at <= at)) return;
    this.#wake?.cancel();
    const cancel = this.#host.timer(Math.max(0, at - this.#host.now()), () => {
      this.#wake = undefined;
      this.#take({ type: "tick" });
    });
    this.#wake = { at, cancel };
  }

  #perform(action: SessionAction): void {
    switch (action.type) {
      case "openSocket":
        return this.#openSocket(action.connection);
      case "closeSocket":
        return action.abrupt ? this.#socket?.abort() : this.#socket?.close(action.code, action.reason);
      case "send":
        return this.#send(action.message);
      case "load":
        return this.#load(action.token, action.run);
      case "resetParameters":
        return this.#resetParameters(action.run);
      case "storeFrozen":
        return this.#storeFrozen(action.chunk);
      case "storeChunk":
        return this.#storeChunk(action.chunk);
      case "dropParameters":
        return this.#parameters.drop(action.version);
      case "setParameters":
        return this.#setParameters(action.version);
      case "fetchShard":
        return void this.#fetchShard(action.shard);
      case "putShard":
        return ignoring(this.#compute.putShard(action.shard, action.bytes));
      case "dropShard":
        return ignoring(this.#compute.dropShard(action.shard));
      case "compute":
        return void this.#run(action.token, action.assignment);
      case "contribute":
        return this.#contribute(action.contribution, action.gradients);
      case "recycleGradients":
        return this.#recycleGradients(action.gradients);
      case "report":
        return this.#host.report(action.report);
      case "end":
        return this.#end(action.outcome);
      default:
        return action satisfies never;
    }
  }

  #openSocket(connection: number): void {
    const socket = this.#host.openSocket({
      opened: () => this.#take({ type: "socketOpened", connection }),
      message: (frame) => this.#receive(connection, frame),
      closed: (code, reason, error) => {
        this.#sockets.delete(socket);
        this.#take({ type: "socketClosed", connection, code, reason, error });
      },
    });
    this.#sockets.add(socket);
    this.#socket = socket;
    this.#uploads?.cancel();
    this.#uploads = undefined;
  }

  #receive(connection: number, frame: Uint8Array): void {
    let message: ToWorker;
    try {
      message = decodeToWorker(frame);
    } catch (error) {
      return this.#take({ type: "violation", connection, error: asTabgradError(error) });
    }
    this.#take({ type: "message", connection, message });
  }

  #send(message: ToCoordinator): void {
    this.#socket?.send(encodeToCoordinator(message));
  }

  #load(token: number, welcome: Welcome): void {
    const { graph, metrics, fields, shards, microbatchSize, parameterElements, seed, transforms, exact, precision } = welcome;
    const setup = { graph, metrics, fields, shards, microbatchSize, parameterElements, seed, transforms, exact, precision };
    this.#compute.load(setup).then(
      () => this.#take({ type: "loaded", token }),
      (error: unknown) => this.#take({ type: "loadFailed", token, error: asTabgradError(error) }),
    );
  }

  #resetParameters({ parameterElements, chunkElements, trained }: Welcome): void {
    const stretches = trained ?? [{ offset: 0, count: parameterElements }];
    const moving = new PackedLayout(stretches, chunkElements);
    this.#parameters = new ParameterAssembly(moving, new PackedLayout(otherStretches(stretches, parameterElements), chunkElements));
    this.#uploads?.cancel();
    this.#uploads = new Uploads(this.#socket!, moving);
    this.#gradientBytes = parameterElements * Float32Array.BYTES_PER_ELEMENT;
    this.#spareGradients = [];
  }

  #storeFrozen({ chunk, values }: FrozenChunk): void {
    this.#orViolation(() => this.#parameters.storeFrozen(chunk, values));
  }

  #storeChunk({ version, chunk, values }: ParametersChunk): void {
    this.#orViolation(() => {
      if (this.#parameters.store(version, chunk, values)) this.#take({ type: "parametersComplete", version });
    });
  }

  #orViolation(store: () => void): void {
    try {
      store();
    } catch (error) {
      this.#take({ type: "violation", connection: this.#state.connection, error: asTabgradError(error) });
    }
  }

  #setParameters(version: number): void {
    const assembly = this.#parameters;
    this.#parametersSet = this.#compute.setParameters(assembly.take(version)).then((before) => {
      if (before) assembly.recycle(before);
    });
    // Whoever computes with them awaits this, and reports it.
    ignoring(this.#parametersSet);
  }

  async #fetchShard(index: number): Promise<void> {
    const { runId, shards } = this.#state.run!;
    const shard = shards[index];
    try {
      const bytes = await this.#host.fetchShard(shard, this.#fetches.signal);
      const hash = await this.#host.sha256(bytes);
      if (hash !== shard.hash) throw corrupt(shard.hash, hash);
      this.#take({ type: "shardArrived", runId, shard: index, bytes });
    } catch (error) {
      this.#take({ type: "shardFailed", runId, shard: index, error: asTabgradError(error) });
    }
  }

  async #run(token: number, { purpose, step, microbatches, lossScale }: Assignment): Promise<void> {
    const spare = purpose === "train" ? (this.#spareGradients.pop() ?? new ArrayBuffer(this.#gradientBytes)) : undefined;
    try {
      const [result] = await Promise.all([
        this.#compute.run({ purpose, step, microbatches, gradients: spare, lossScale }),
        this.#parametersSet,
      ]);
      this.#take({ type: "computed", token, ...result });
    } catch (error) {
      this.#take({ type: "computeFailed", token, error: asTabgradError(error) });
    }
  }

  #contribute(contribution: Contribution, gradients?: ArrayBuffer): void {
    const { connection } = this.#state;
    const began = this.#host.now();
    this.#uploads?.add({
      contribution,
      gradients,
      encoded: () => gradients && this.#recycleGradients(gradients),
      sent: () => this.#take({ type: "uploaded", connection, uploadMs: this.#host.now() - began }),
    });
  }

  #recycleGradients(gradients: ArrayBuffer): void {
    if (gradients.byteLength === this.#gradientBytes && this.#spareGradients.length < 2) this.#spareGradients.push(gradients);
  }

  #end(outcome: WorkerOutcome): void {
    this.#wake?.cancel();
    this.#fetches.abort();
    for (const socket of this.#sockets) socket.abort();
    this.#resolve(outcome);
  }
}

/** For promises whose failure shows elsewhere: a computation without its shard or its parameters fails itself. */
function ignoring(promise: Promise<unknown>): void {
  promise.catch(() => {});
}

function asTabgradError(error: unknown): TabgradError {
  if (error instanceof TabgradError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TabgradError("ENGINE_FAILED", message, "Run `tabgrad doctor` on this machine.", { cause: error });
}

function corrupt(expected: string, found: string): TabgradError {
  return new TabgradError(
    "DATA_SHARD_CORRUPT",
    `what the coordinator sent for shard ${expected.slice(0, 12)}… has another hash (${found.slice(0, 12)}…)`,
    "Something between coordinator and worker changes what it passes on, or the coordinator's shards were damaged: start it again.",
  );
}
