// A worker made of nothing but a socket and the codec, so that tests can say anything to a coordinator, at any time.
import {
  decodeToWorker,
  encodeToCoordinator,
  subprotocol,
  type Assignment,
  type Hello,
  type ToCoordinator,
  type ToWorker,
  type Welcome,
} from "@tabgrad/core";
import { WebSocket } from "ws";

const hello: Hello = {
  type: "hello",
  protocol: 1,
  workerId: "0".repeat(32),
  name: "raw",
  host: "test",
  engine: "cpu",
  device: "none",
  software: "test",
};

type OfType<K extends ToWorker["type"]> = Extract<ToWorker, { type: K }>;

export class RawWorker {
  readonly messages: ToWorker[] = [];
  /** The close code. */
  readonly closed: Promise<number>;
  private readonly socket: WebSocket;
  private readonly waiting = new Set<() => void>();
  private isClosed = false;
  private readonly answered = new Set<number>();
  private onAssignment: ((assignment: Assignment) => void) | undefined;

  static async connect(url: string, protocol = subprotocol): Promise<RawWorker> {
    const socket = new WebSocket(`${url.replace("http", "ws")}/worker`, protocol, { perMessageDeflate: false });
    const worker = new RawWorker(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return worker;
  }

  /** Connects, says hello, and waits for the answer. */
  static async join(url: string, change: Partial<Hello> = {}): Promise<{ worker: RawWorker; welcome: Welcome }> {
    const worker = await RawWorker.connect(url);
    worker.send({ ...hello, ...change });
    return { worker, welcome: await worker.message("welcome") };
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      const message = decodeToWorker(data as Buffer);
      this.messages.push(message);
      if (message.type === "ping") this.send({ type: "pong", nonce: message.nonce });
      if (message.type === "assignment") this.onAssignment?.(message);
      this.notify();
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", (code) => {
        this.isClosed = true;
        resolve(code);
        this.notify();
      });
    });
  }

  send(message: ToCoordinator): void {
    this.socket.send(encodeToCoordinator(message));
  }

  sayHello(change: Partial<Hello> = {}): void {
    this.send({ ...hello, ...change });
  }

  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  cut(): void {
    this.socket.terminate();
  }

  /** The first message of that type that fits, when it is there. */
  message<K extends ToWorker["type"]>(type: K, fits: (message: OfType<K>) => boolean = () => true): Promise<OfType<K>> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.messages.find((message): message is OfType<K> => message.type === type && fits(message as OfType<K>));
        if (!found && !this.isClosed) return;
        this.waiting.delete(look);
        if (found) resolve(found);
        else reject(new Error(`closed without a ${type}`));
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Answers every assignment from now on, and those that came and were not answered; up to a step. */
  work(welcome: Welcome, value = 0, last = Infinity): void {
    this.onAssignment = (assignment) => assignment.step <= last && this.contribute(assignment, welcome, { value });
    for (const message of this.messages)
      if (message.type === "assignment" && !this.answered.has(message.assignment)) this.onAssignment(message);
  }

  /** Answers an assignment with a gradient of `value` everywhere. */
  contribute(
    { assignment, purpose, step, version, microbatches }: Assignment,
    welcome: Welcome,
    { value = 0, chunks = true, lossSum = 1, metricSums = welcome.metrics.map(() => 0) } = {},
  ): void {
    this.answered.add(assignment);
    const { trained = [{ count: welcome.parameterElements }] } = welcome;
    const elements = trained.reduce((total, { count }) => total + count, 0);
    if (purpose === "train" && chunks) {
      for (let chunk = 0; chunk * welcome.chunkElements < elements; chunk++) {
        const length = Math.min(welcome.chunkElements, elements - chunk * welcome.chunkElements);
        this.send({ type: "contributionChunk", assignment, chunk, values: new Float32Array(length).fill(value) });
      }
    }
    const samples = microbatches.flatMap(({ slices }) => slices).reduce((total, slice) => total + slice.samples.length, 0);
    const timings = { waitMs: 0, fetchMs: 0, computeMs: 1, uploadMs: 0 };
    const indices = microbatches.map(({ index }) => index);
    this.send({ type: "contribution", assignment, step, version, microbatches: indices, samples, lossSum, metricSums, timings });
  }

  private notify(): void {
    for (const look of [...this.waiting]) look();
  }
}
