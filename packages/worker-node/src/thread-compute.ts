// `Compute` on a thread of its own, as the main thread sees it.
import {
  type Compute,
  type ComputeRequest,
  type ComputeResult,
  type ComputeSetup,
  type EngineKind,
  TabgradError,
} from "@tabgrad/core";
import { Worker } from "node:worker_threads";
import { copyVector, SharedVectors } from "./shared-vectors.ts";
import { type Call, errorOf, type Reply, type ThreadOptions } from "./thread-messages.ts";

/**
 * How long a thread may take to end when it is asked to; after that it is cut off. On a busy machine without a GPU, shaders that are being
 * compiled take many seconds, and to cut them off is no end in order: Dawn aborts the process over a promise that is never settled.
 */
const closeMs = 60_000;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: TabgradError) => void;
}

/** What the thread's engine says of itself. */
export interface OpenedEngine {
  readonly kind: EngineKind;
  readonly device: string;
  /** Why this engine, in one line. */
  readonly reason: string;
}

export class ThreadCompute implements Compute {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  readonly #vectors = new SharedVectors();
  /** Calls of this turn of the event loop: they go in one message, since every message has to wake the other thread. */
  #outgoing: Call[] = [];
  #transfer: ArrayBuffer[] = [];
  #calls = 0;
  #gone: TabgradError | undefined;

  /**
   * Starts a thread and opens an engine on it.
   * @throws TabgradError ENGINE_UNAVAILABLE: the engine asked for is not there
   */
  static async open(options: ThreadOptions): Promise<{ compute: ThreadCompute; opened: OpenedEngine }> {
    const compute = new ThreadCompute(options);
    const opened = (await new Promise((resolve, reject) => compute.#waiting.set(0, { resolve, reject })).catch(
      async (error: unknown) => {
        await compute.close();
        throw error;
      },
    )) as OpenedEngine;
    return { compute, opened };
  }

  private constructor(options: ThreadOptions) {
    this.#thread = startThread(options);
    this.#thread.on("message", (replies: readonly Reply[]) => replies.forEach((reply) => this.#settle(reply)));
    this.#thread.on("error", (error) => this.#lose(error.message));
    this.#exited = new Promise((resolve) => {
      this.#thread.once("exit", () => {
        this.#lose("the engine's thread has ended");
        resolve();
      });
    });
  }

  load(setup: ComputeSetup): Promise<void> {
    return this.#call("load", [setup]) as Promise<void>;
  }

  putShard(shard: number, bytes: ArrayBuffer): Promise<void> {
    return this.#call("putShard", [shard, bytes], [bytes]) as Promise<void>;
  }

  dropShard(shard: number): Promise<void> {
    return this.#call("dropShard", [shard]) as Promise<void>;
  }

  async setParameters(parameters: ArrayBuffer): Promise<ArrayBuffer> {
    const shared = this.#vectors.take(parameters.byteLength);
    copyVector(parameters, shared);
    await this.#call("setParameters", [shared]).finally(() => this.#vectors.give(shared));
    return parameters;
  }

  async run({ gradients, ...request }: ComputeRequest): Promise<ComputeResult> {
    if (!gradients) return this.#call("run", [request, undefined]) as Promise<ComputeResult>;
    const shared = this.#vectors.take(gradients.byteLength);
    try {
      const result = (await this.#call("run", [request, shared])) as ComputeResult;
      copyVector(shared, gradients);
      return { ...result, gradients };
    } finally {
      this.#vectors.give(shared);
    }
  }

  /** Ends the thread. Resolves when it has ended. */
  async close(): Promise<void> {
    const cut = setTimeout(() => void this.#thread.terminate(), closeMs);
    this.#call("close", []).catch(() => {});
    await this.#exited;
    clearTimeout(cut);
  }

  #call(method: Call["method"], input: readonly unknown[], transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush());
      this.#outgoing.push({ id, method, input } as Call);
      this.#transfer.push(...transfer);
    });
  }

  #flush(): void {
    this.#thread.postMessage(this.#outgoing, this.#transfer);
    this.#outgoing = [];
    this.#transfer = [];
  }

  #settle(reply: Reply): void {
    switch (reply.type) {
      case "opened":
        return this.#take(0)?.resolve({ kind: reply.kind, device: reply.device, reason: reply.reason });
      case "unavailable":
        return this.#take(0)?.reject(errorOf(reply.failure));
      case "result":
        return this.#take(reply.id)?.resolve(reply.value);
      case "failure":
        return this.#take(reply.id)?.reject(errorOf(reply.failure));
      default:
        return reply satisfies never;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #lose(why: string): void {
    this.#gone ??= new TabgradError("ENGINE_FAILED", `the engine failed: ${why}`, "Run `tabgrad doctor` on this machine.");
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }
}

/** Built, this package is JavaScript. From source, the thread needs the compiler, and our packages' sources to resolve to. */
function startThread(workerData: ThreadOptions): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./engine-thread.js", import.meta.url), { workerData });
  const compiler = new URL("./from-source.mjs", import.meta.url).href;
  const execArgv = ["--conditions=@tabgrad/source", "--import", compiler];
  return new Worker(new URL("./engine-thread.ts", import.meta.url), { workerData, execArgv });
}
