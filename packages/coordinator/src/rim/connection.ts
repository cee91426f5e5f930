// One worker's socket: greeting, frames in and out, and the contribution that is arriving. What it means is decided elsewhere.
import {
  bounds,
  checkChunk,
  ChunkSet,
  closeCodes,
  decodeToCoordinator,
  encodeToWorker,
  protocolMismatch,
  protocolOf,
  protocolVersion,
  TabgradError,
  type Availability,
  type ChunkLayout,
  type Contribution,
  type Hello,
  type ToCoordinator,
  type ToWorker,
  type Vitals,
} from "@tabgrad/core";
import type { Socket } from "node:net";
import type { RawData, WebSocket } from "ws";

/** A summed gradient as it arrived, chunk by chunk; views into the messages. */
export interface ArrivedGradient {
  readonly chunks: readonly (Float32Array | undefined)[];
  readonly complete: boolean;
  /** ‖gradient‖², in float64; not finite exactly if a value is not. */
  readonly squaredNorm: number;
}

export interface ConnectionHandler {
  /** A worker that speaks our protocol wants to take part; answer with `send`. */
  greeted(connection: Connection, hello: Hello): void;
  contributed(connection: Connection, contribution: Contribution, gradient: ArrivedGradient): void;
  failed(connection: Connection, assignment: number, reason: string): void;
  /** The worker can do more than before, or less. */
  availabilityChanged(connection: Connection, availability: Availability): void;
  /** Called once for each connection that was greeted, whatever ended it. */
  left(connection: Connection, why: string): void;
}

/** A greeting that takes longer is no worker's. */
const greetingMs = 10_000;

/** What may wait to be sent to one worker, beside one vector of parameters; a worker that falls further behind is dropped. */
const maxBacklogBytes = 64 * 2 ** 20;

export interface ConnectionOptions {
  /** What the coordinator calls this worker. */
  readonly id: string;
  readonly socket: WebSocket;
  /** What `socket` speaks through: it counts the bytes. */
  readonly transport: Pick<Socket, "bytesRead" | "bytesWritten">;
  /** Values of the flat vector. */
  readonly parameterElements: number;
  /** Of what it contributes: the trained values alone. */
  readonly gradient: ChunkLayout;
  /** ‖values‖² of a chunk of a contribution: taken of each while the next is on its way. */
  readonly squaredNorm: (values: Float32Array, chunk: number) => number;
  readonly handler: ConnectionHandler;
}

export class Connection {
  readonly id: string;
  /** Time of the newest message. */
  lastHeard: number;
  /** The newest version of the parameters that it was sent; -1 before the first one. */
  version = -1;
  /** Whether it was sent what no version changes. */
  hasFrozen = false;
  private state: "greeting" | "open" | "closed" = "greeting";
  private readonly socket: WebSocket;
  private readonly handler: ConnectionHandler;
  private readonly parameterElements: number;
  private readonly gradient: ChunkLayout;
  private readonly squaredNorm: ConnectionOptions["squaredNorm"];
  private readonly greetingTimer: NodeJS.Timeout;
  private arriving: { assignment: number; chunks: Float32Array[]; set: ChunkSet; squaredNorm: number } | undefined;
  private farewell: string | undefined;
  private readonly transport: ConnectionOptions["transport"];
  /** The newest ping that was not answered yet. */
  private pinged: { readonly nonce: number; readonly at: number } | undefined;
  private pings = 0;
  private roundTripMs: number | null = null;

  constructor({ id, socket, transport, parameterElements, gradient, squaredNorm, handler }: ConnectionOptions) {
    this.id = id;
    this.socket = socket;
    this.transport = transport;
    this.parameterElements = parameterElements;
    this.gradient = gradient;
    this.squaredNorm = squaredNorm;
    this.handler = handler;
    this.lastHeard = performance.now();
    this.greetingTimer = setTimeout(() => this.violated("no hello within 10 s"), greetingMs);
    socket.on("message", (data, isBinary) => this.receive(data, isBinary));
    socket.on("error", (error) => (this.farewell ??= error.message));
    socket.on("close", (code) => this.closed(code));
    this.checkSubprotocol();
  }

  get open(): boolean {
    return this.state === "open";
  }

  /** The round trip is that of the newest ping that was answered, with whatever was on its way before it. */
  get vitals(): Vitals {
    const { bytesRead, bytesWritten } = this.transport;
    return { id: this.id, roundTripMs: this.roundTripMs, bytesUp: bytesRead, bytesDown: bytesWritten };
  }

  ping(): void {
    this.pinged = { nonce: ++this.pings, at: performance.now() };
    this.send({ type: "ping", nonce: this.pinged.nonce });
  }

  send(message: ToWorker): void {
    this.sendFrame(encodeToWorker(message));
  }

  /** Sends a frame that may go to several workers: it is not changed. */
  sendFrame(frame: Uint8Array): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > maxBacklogBytes + 4 * this.parameterElements) {
      this.farewell = "it does not read what it is sent";
      this.socket.terminate();
      return;
    }
    this.socket.send(frame);
  }

  /** Says no, and why, and closes. */
  refuse(error: TabgradError, closeCode: number, retry = false): void {
    this.farewell ??= error.message;
    this.send({ type: "refused", code: error.code, reason: `${error.message}. ${error.remedy}`.slice(0, bounds.reason), retry });
    this.socket.close(closeCode);
  }

  /** The run is over. */
  dismiss(reason: string, reconnect: boolean): void {
    this.farewell ??= reason;
    this.send({ type: "goodbye", reason: reason.slice(0, bounds.reason), reconnect });
    this.socket.close(1000);
  }

  terminate(why: string): void {
    this.farewell ??= why;
    this.socket.terminate();
  }

  /** A worker of another version may word even its hello in another way. */
  private checkSubprotocol(): void {
    const version = protocolOf(this.socket.protocol);
    if (version === protocolVersion) return;
    this.refuse(protocolMismatch(version ?? 0, "the worker"), closeCodes.protocolVersion);
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (this.state === "closed") return;
    this.lastHeard = performance.now();
    try {
      if (!isBinary) throw new TabgradError("PROTOCOL_VIOLATION", "a text message came where frames are binary", "Send frames.");
      this.take(decodeToCoordinator(data as Buffer));
    } catch (error) {
      if (!(error instanceof TabgradError)) throw error;
      this.violated(error.message);
    }
  }

  private take(message: ToCoordinator): void {
    if (this.state === "greeting") return this.greet(message);
    switch (message.type) {
      case "hello":
        throw new TabgradError("PROTOCOL_VIOLATION", "a second hello came", "Say hello once in a session.");
      case "contributionChunk":
        return this.arrive(message.assignment, message.chunk, message.values);
      case "contribution": {
        const arrived = this.arriving?.assignment === message.assignment ? this.arriving : undefined;
        this.arriving = undefined;
        const { chunks = [], squaredNorm = 0 } = arrived ?? {};
        return this.handler.contributed(this, message, { chunks, complete: arrived?.set.complete ?? false, squaredNorm });
      }
      case "failed":
        this.arriving = undefined;
        return this.handler.failed(this, message.assignment, message.reason);
      case "leaving":
        this.farewell ??= message.reason || "it said goodbye";
        this.socket.close(1000);
        return this.leave();
      case "availability":
        // It uploads nothing while it is paused, and begins anew after that.
        if (message.state === "paused") this.arriving = undefined;
        return this.handler.availabilityChanged(this, message);
      case "pong":
        return this.ponged(message.nonce);
      default:
        message satisfies never;
    }
  }

  private greet(message: ToCoordinator): void {
    if (message.type !== "hello")
      throw new TabgradError("PROTOCOL_VIOLATION", `${message.type} came before hello`, "Say hello first.");
    clearTimeout(this.greetingTimer);
    if (message.protocol !== protocolVersion) {
      return this.refuse(protocolMismatch(message.protocol, "the worker"), closeCodes.protocolVersion);
    }
    this.state = "open";
    // Before the parameters, which would hold it up.
    this.ping();
    this.handler.greeted(this, message);
  }

  private ponged(nonce: number): void {
    if (this.pinged?.nonce === nonce) this.roundTripMs = performance.now() - this.pinged.at;
  }

  /** Holds a chunk; one contribution at a time, so that a worker can make us hold one vector and no more. */
  private arrive(assignment: number, chunk: number, values: Float32Array): void {
    checkChunk(this.gradient, chunk, values);
    if (this.arriving?.assignment !== assignment) {
      this.arriving = { assignment, chunks: [], set: new ChunkSet(this.gradient), squaredNorm: 0 };
    }
    const { arriving } = this;
    arriving.set.add(chunk);
    arriving.chunks[chunk] = values;
    arriving.squaredNorm += this.squaredNorm(values, chunk);
  }

  private violated(what: string): void {
    this.refuse(
      new TabgradError(
        "PROTOCOL_VIOLATION",
        `The worker broke the protocol: ${what}`,
        "Use the same version of tabgrad at both ends.",
      ),
      closeCodes.protocolViolation,
    );
    this.leave();
  }

  private closed(code: number): void {
    this.farewell ??= code === 1006 ? "connection lost" : `connection closed with code ${code}`;
    this.leave();
  }

  private leave(): void {
    clearTimeout(this.greetingTimer);
    const before = this.state;
    this.state = "closed";
    this.arriving = undefined;
    if (before === "open") this.handler.left(this, this.farewell ?? "connection lost");
  }
}
