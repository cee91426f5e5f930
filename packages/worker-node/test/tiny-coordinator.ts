// A coordinator of one worker whose every word is scripted by a test: real http, real sockets, the real codec, nothing else.
import {
  accuracy,
  type Assignment,
  chunkLayout,
  chunkOf,
  chunkOffset,
  chooseSubprotocol,
  crossEntropy,
  decodeToCoordinator,
  dense,
  discovery,
  discoveryPath,
  encodeToWorker,
  type Field,
  forwardGraph,
  type Graph,
  graphToJson,
  initialParameters,
  packShard,
  parameterElements,
  relu,
  sequential,
  type ToCoordinator,
  type ToWorker,
  type Welcome,
  workerPath,
} from "@tabgrad/core";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

const features = 6;
const classes = 3;
const samplesPerShard = 8;

export const fields: Field[] = [
  { name: "features", storage: "float32", shape: [features] },
  { name: "labels", storage: "uint8", shape: [] },
];

export const graph: Graph = forwardGraph({
  model: sequential(dense(5), relu(), dense(classes)),
  loss: crossEntropy(),
  metrics: [accuracy()],
  data: {
    features: { shape: [features], scale: 1, shift: 0 },
    labels: { kind: "classes", count: classes },
  },
});

export const parameters = initialParameters(graph, 1);

/** All samples, shard after shard. */
export const columns = {
  features: Float32Array.from({ length: 2 * samplesPerShard * features }, (_, i) => Math.sin(i * i)),
  labels: Uint8Array.from({ length: 2 * samplesPerShard }, (_, i) => i % classes),
};

export const shardBytes = [0, 1].map((shard) =>
  packShard(
    fields,
    [columns.features, columns.labels],
    Array.from({ length: samplesPerShard }, (_, i) => shard * samplesPerShard + i),
  ),
);

export const welcome: Welcome = {
  type: "welcome",
  runId: "test",
  graph: graphToJson(graph),
  metrics: ["accuracy"],
  microbatchSize: 4,
  chunkElements: 16,
  parameterElements: parameterElements(graph),
  fields,
  shards: shardBytes.map((bytes) => ({
    hash: createHash("sha256").update(bytes).digest("hex"),
    bytes: bytes.length,
    samples: samplesPerShard,
  })),
  seed: 1,
  silenceMs: 60_000,
  worker: "w1",
  exact: false,
};

/** Samples 0 to 3 of shard 0, and 2 to 5 of shard 1, in two microbatches. */
export const assignment: Assignment = {
  type: "assignment",
  assignment: 1,
  purpose: "train",
  step: 1,
  version: 0,
  microbatches: [
    { index: 0, slices: [{ shard: 0, samples: [0, 1, 2, 3] }] },
    { index: 1, slices: [{ shard: 1, samples: [2, 3, 4, 5] }] },
  ],
  upcomingShards: [],
};

/** The samples of `assignment`, as positions in `columns`. */
export const assigned = [0, 1, 2, 3, 10, 11, 12, 13];

export interface TinyOptions {
  /** An address to come back to. Default: any. */
  readonly port?: number;
  /** Speaks https instead of http; PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** What /tabgrad.json answers. */
  readonly identity?: unknown;
  /** Answers for a shard instead of its bytes. */
  readonly serveShard?: (index: number, response: ServerResponse) => void;
}

/** One worker's connection, and everything it has said that no test has looked at yet. */
export class Peer {
  readonly socket: WebSocket;
  readonly closed: Promise<number>;
  readonly #messages: ToCoordinator[] = [];
  #arrived = (): void => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", (code) => resolve(code)));
    socket.on("message", (data) => {
      this.#messages.push(decodeToCoordinator(data as Buffer));
      this.#arrived();
    });
  }

  send(message: ToWorker): void {
    this.socket.send(encodeToWorker(message));
  }

  sendParameters(version: number, vector = parameters): void {
    const layout = chunkLayout(vector.length, welcome.chunkElements);
    for (let chunk = 0; chunk < layout.count; chunk += 1) {
      this.send({ type: "parametersChunk", version, chunk, values: chunkOf(layout, vector, chunk) });
    }
  }

  /** The next message, which must be of this type. */
  async next<T extends ToCoordinator["type"]>(type: T): Promise<ToCoordinator & { type: T }> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#arrived = resolve));
    const message = this.#messages.shift()!;
    if (message.type !== type) throw new Error(`expected ${type}, got ${JSON.stringify(message)}`);
    return message as ToCoordinator & { type: T };
  }

  /** A whole contribution: its chunks, put together, and what completes it. */
  async contribution(): Promise<{ gradients: Float32Array; contribution: ToCoordinator & { type: "contribution" } }> {
    const layout = chunkLayout(parameters.length, welcome.chunkElements);
    const gradients = new Float32Array(parameters.length);
    for (let i = 0; i < layout.count; i += 1) {
      const { chunk, values } = await this.next("contributionChunk");
      gradients.set(values, chunkOffset(layout, chunk));
    }
    return { gradients, contribution: await this.next("contribution") };
  }

  /** Welcomes the worker that says hello. */
  async greet(): Promise<ToCoordinator & { type: "hello" }> {
    const hello = await this.next("hello");
    this.send(welcome);
    return hello;
  }
}

export class TinyCoordinator {
  readonly requests: string[] = [];
  readonly #http: Server;
  readonly #scheme: string;
  readonly #sockets: WebSocketServer;
  readonly #peers: Peer[] = [];
  #connected = (): void => {};

  static async start(options: TinyOptions = {}): Promise<TinyCoordinator> {
    const coordinator = new TinyCoordinator(options);
    coordinator.#http.listen(options.port ?? 0, "127.0.0.1");
    await once(coordinator.#http, "listening");
    return coordinator;
  }

  private constructor({ tls, identity = discovery, serveShard }: TinyOptions) {
    const answer: RequestListener = (request, response) => {
      const path = request.url ?? "";
      this.requests.push(path);
      const shard = welcome.shards.findIndex(({ hash }) => path === `/shards/${hash}`);
      if (path === discoveryPath) response.end(JSON.stringify(identity));
      else if (shard < 0) response.writeHead(404).end();
      else if (serveShard) serveShard(shard, response);
      else response.end(shardBytes[shard]);
    };
    this.#http = tls ? createHttpsServer(tls, answer) : createServer(answer);
    this.#scheme = tls ? "https" : "http";
    this.#sockets = new WebSocketServer({ server: this.#http, path: workerPath, handleProtocols: chooseSubprotocol });
    this.#sockets.on("connection", (socket) => {
      this.#peers.push(new Peer(socket));
      this.#connected();
    });
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  /** The next worker that connects. */
  async peer(): Promise<Peer> {
    while (this.#peers.length === 0) await new Promise<void>((resolve) => (this.#connected = resolve));
    return this.#peers.shift()!;
  }

  /** As if it had been killed: every connection breaks, nothing is said. */
  async kill(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }
}
