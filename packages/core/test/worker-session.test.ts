// What drives the worker's session: its timer, its uploads and its parameters, on a host with a virtual clock and no network.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chunkLength,
  chunkOffset,
  decodeToCoordinator,
  encodeToWorker,
  otherStretches,
  PackedLayout,
  type ToCoordinator,
  type Welcome,
} from "../src/protocol/index.ts";
import {
  type Compute,
  ParameterAssembly,
  type SessionReport,
  type SocketEvents,
  type WorkerHost,
  WorkerSession,
  type WorkerSocket,
} from "../src/worker/index.ts";
import { Uploads } from "../src/worker/uploads.ts";

const identity = {
  workerId: "00112233445566778899aabbccddeeff",
  name: "test",
  host: "node",
  engine: "cpu",
  device: "",
  software: "",
} as const;

const welcome: Welcome = {
  type: "welcome",
  runId: "run",
  graph: "{}",
  metrics: [],
  microbatchSize: 4,
  chunkElements: 4,
  parameterElements: 8,
  fields: [{ name: "x", storage: "float32", shape: [] }],
  shards: [{ hash: "0".repeat(64), bytes: 16, samples: 4 }],
  seed: 1,
  silenceMs: 5000,
  worker: "w1",
  exact: false,
};

/** A socket whose other end is the test. */
class WireSocket implements WorkerSocket {
  readonly events: SocketEvents;
  readonly messages: ToCoordinator[] = [];
  readonly sent: (() => void)[] = [];
  aborted = false;

  constructor(events: SocketEvents) {
    this.events = events;
  }

  send(frame: Uint8Array<ArrayBuffer>, sent?: () => void): void {
    // A copy, as a kernel makes one: the buffer is used again.
    this.messages.push(decodeToCoordinator(frame.slice()));
    if (sent) this.sent.push(sent);
  }

  close(): void {
    this.abort();
  }

  abort(): void {
    this.aborted = true;
  }
}

class VirtualHost implements WorkerHost {
  time = 0;
  readonly sockets: WireSocket[] = [];
  readonly reports: SessionReport[] = [];
  timers: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.time;
  }

  timer(ms: number, fire: () => void): () => void {
    const timer = { at: this.time + ms, fire };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((one) => one !== timer));
  }

  openSocket(events: SocketEvents): WorkerSocket {
    const socket = new WireSocket(events);
    this.sockets.push(socket);
    return socket;
  }

  fetchShard(): Promise<ArrayBuffer> {
    return Promise.resolve(new ArrayBuffer(16));
  }

  sha256(): string {
    return "0".repeat(64);
  }

  report(report: SessionReport): void {
    this.reports.push(report);
  }

  /** Lets time pass, timer by timer. */
  passTo(time: number): void {
    for (;;) {
      const [next] = this.timers.filter(({ at }) => at <= time).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.timers = this.timers.filter((one) => one !== next);
      this.time = next.at;
      next.fire();
    }
    this.time = time;
  }
}

/** For sessions that never get to compute. */
const idle: Compute = {
  load: async () => {},
  putShard: async () => {},
  dropShard: async () => {},
  setParameters: async () => undefined,
  run: () => Promise.reject(new Error("nothing to run")),
  close: async () => {},
};

function connected(): { host: VirtualHost; session: WorkerSession; socket: WireSocket } {
  const host = new VirtualHost();
  const session = new WorkerSession({ identity }, host, idle);
  session.start();
  const socket = host.sockets[0];
  socket.events.opened();
  socket.events.message(encodeToWorker(welcome));
  return { host, session, socket };
}

describe("the session's timer", () => {
  it("is one, is left alone while messages come, and notices when none does", () => {
    const { host, session, socket } = connected();
    for (let time = 1000; time <= 60_000; time += 1000) {
      host.passTo(time);
      socket.events.message(encodeToWorker({ type: "ping", nonce: time }));
      expect(host.timers).toHaveLength(1);
    }
    expect(session.state.phase.name).toBe("open");
    host.passTo(64_999);
    expect(socket.aborted).toBe(false);
    host.passTo(65_000);
    expect(socket.aborted).toBe(true);
    expect(host.sockets).toHaveLength(1);
    host.passTo(65_100);
    expect(host.sockets).toHaveLength(2);
    expect(host.reports.at(-1)).toMatchObject({ type: "retrying", error: { code: "CONNECTION_LOST" } });
  });

  it("is gone when the session has ended", async () => {
    const { host, session, socket } = connected();
    session.leave("enough");
    socket.events.closed(1000, "");
    expect(await session.outcome).toEqual({ kind: "left", reason: "enough" });
    expect(host.timers).toEqual([]);
  });

  it("ends a session whose socket never closes", async () => {
    const { host, session } = connected();
    session.leave("enough");
    host.passTo(2000);
    expect(await session.outcome).toMatchObject({ kind: "left" });
  });
});

describe("a frame that makes no sense", () => {
  it("ends the session with what was wrong with it", async () => {
    const { session, socket } = connected();
    socket.events.message(new Uint8Array([1, 2]));
    socket.events.closed(4002, "");
    expect(await session.outcome).toMatchObject({
      kind: "failed",
      error: { message: "a frame of 2 bytes has no room for the length of its header" },
    });
  });

  it("may be a chunk that does not fit the run", async () => {
    const { session, socket } = connected();
    socket.events.message(encodeToWorker({ type: "parametersChunk", version: 0, chunk: 1, values: new Float32Array(3) }));
    socket.events.closed(4002, "");
    expect(await session.outcome).toMatchObject({ kind: "failed", error: { message: "chunk 1 has 3 values; it must have 4" } });
  });
});

describe("availability", () => {
  const available = (version: number) => encodeToWorker({ type: "parametersBegin", version });
  const chunk = (version: number, index: number) =>
    encodeToWorker({ type: "parametersChunk", version, chunk: index, values: new Float32Array(4).fill(version) });
  const task = (id: number, version: number) =>
    encodeToWorker({
      type: "assignment",
      assignment: id,
      purpose: "train",
      step: 1,
      version,
      microbatches: [{ index: 0, slices: [{ shard: 0, samples: [0] }] }],
      upcomingShards: [],
    });

  it("may be known before the start: nothing connects because of it, and it is said after Welcome", () => {
    const host = new VirtualHost();
    const session = new WorkerSession({ identity }, host, idle);
    session.setAvailability("background", "the tab is hidden");
    host.passTo(60_000);
    expect(host.sockets).toEqual([]);
    session.start();
    const [socket] = host.sockets;
    socket.events.opened();
    socket.events.message(encodeToWorker(welcome));
    expect(socket.messages.slice(1)).toEqual([{ type: "availability", state: "background", reason: "the tab is hidden" }]);
  });

  it("stops a worker, its uploads included, and starts it again with none of the old parameters", async () => {
    const seen: number[] = [];
    const host = new VirtualHost();
    const compute: Compute = {
      ...idle,
      setParameters: async (parameters) => void seen.push(new Float32Array(parameters)[7]),
      run: async ({ gradients }) => ({ sums: { samples: 1, lossSum: 0, metricSums: [] }, gradients, computeMs: 1 }),
    };
    const session = new WorkerSession({ identity }, host, compute);
    /** Lets promises settle: as many turns as a computation with its shard takes, and more. */
    const settled = async () => {
      for (let i = 0; i < 50; i += 1) await Promise.resolve();
    };
    session.start();
    const [socket] = host.sockets;
    const heard = (...frames: Uint8Array[]) => frames.forEach((frame) => socket.events.message(frame));
    const large = { ...welcome, chunkElements: 4, parameterElements: 4 * 100 };
    const version = (n: number) => Array.from({ length: 100 }, (_, index) => chunk(n, index));
    socket.events.opened();
    heard(encodeToWorker(large), ...version(1), task(1, 1));
    await settled();
    // The socket has taken as many frames as it may hold.
    expect(socket.sent).toHaveLength(32);
    session.setAvailability("paused", "by its user");
    for (const sent of socket.sent.splice(0)) sent();
    expect(socket.messages.slice(33)).toEqual([{ type: "availability", state: "paused", reason: "by its user" }]);
    expect(session.state.uploads.pending).toBe(0);

    session.setAvailability("available", "");
    heard(chunk(2, 0), chunk(2, 1), task(2, 2), available(3), ...version(3), task(3, 3));
    await settled();
    expect(seen).toEqual([1, 3]);
    for (let next = socket.sent.shift(); next; next = socket.sent.shift()) next();
    const contributions = socket.messages.filter(({ type }) => type === "contribution");
    expect(contributions).toMatchObject([{ assignment: 3, version: 3 }]);
    expect(socket.messages.filter((one) => one.type === "contributionChunk" && one.assignment === 3)).toHaveLength(100);
    expect(session.state.uploads.pending).toBe(0);
  });
});

describe("uploads", () => {
  const layout = new PackedLayout([{ offset: 0, count: 4 * 100 + 1 }], 4);
  const contribution = {
    type: "contribution",
    assignment: 1,
    step: 1,
    version: 0,
    microbatches: [0],
    samples: 1,
    lossSum: 0,
    metricSums: [],
    timings: { waitMs: 0, fetchMs: 0, computeMs: 0, uploadMs: 0 },
  } as const;

  it("hand the socket a few frames at a time, in order, and say when the gradient is free and when all has left", () => {
    const socket = new WireSocket({ opened() {}, message() {}, closed() {} });
    const uploads = new Uploads(socket, layout);
    const log: string[] = [];
    for (const assignment of [1, 2]) {
      const gradients = Float32Array.from({ length: layout.chunks.elements }, (_, i) => assignment * i).buffer;
      uploads.add({
        contribution: { ...contribution, assignment },
        gradients,
        encoded: () => log.push(`encoded ${assignment}`),
        sent: () => log.push(`sent ${assignment}`),
      });
    }
    uploads.add({
      contribution: { ...contribution, assignment: 3 },
      encoded: () => log.push("encoded 3"),
      sent: () => log.push("sent 3"),
    });
    let left = 0;
    while (left < socket.sent.length) {
      expect(socket.sent.length - left).toBeLessThanOrEqual(32);
      socket.sent[left]();
      left += 1;
    }
    expect(log).toEqual(
      ["encoded 1", "sent 1", "encoded 2", "sent 2", "encoded 3", "sent 3"].sort((a, b) => log.indexOf(a) - log.indexOf(b)),
    );
    expect(log.indexOf("encoded 1")).toBeLessThan(log.indexOf("encoded 2"));
    expect(log).toHaveLength(6);
    const gradients = [1, 2].map((assignment) => {
      const values = new Float32Array(layout.chunks.elements);
      for (const message of socket.messages) {
        if (message.type === "contributionChunk" && message.assignment === assignment)
          values.set(message.values, chunkOffset(layout.chunks, message.chunk));
      }
      return values;
    });
    [1, 2].forEach((assignment, i) => gradients[i].forEach((value, k) => expect(value).toBe(assignment * k)));
    expect(
      socket.messages.filter(({ type }) => type === "contribution").map((message) => "assignment" in message && message.assignment),
    ).toEqual([1, 2, 3]);
  });
});

describe("parameters that arrive", () => {
  it("are put together in any order of chunks, several versions at a time, in buffers that are used again", () => {
    const moving = new PackedLayout([{ offset: 0, count: 10 }], 4);
    const { chunks: layout } = moving;
    const pieces = [0, 1].flatMap((version) => [0, 1, 2].map((chunk) => ({ version, chunk })));
    fc.assert(
      fc.property(fc.shuffledSubarray(pieces, { minLength: pieces.length }), (order) => {
        const assembly = new ParameterAssembly(moving);
        const recycled = new ArrayBuffer(40);
        new Float32Array(recycled).fill(9);
        assembly.recycle(recycled);
        const seen = [0, 0];
        for (const { version, chunk } of order) {
          const values = Float32Array.from(
            { length: chunkLength(layout, chunk) },
            (_, i) => 100 * version + chunkOffset(layout, chunk) + i,
          );
          seen[version] += 1;
          expect(assembly.store(version, chunk, values)).toBe(seen[version] === 3);
        }
        const vectors = [0, 1].map((version) => assembly.take(version));
        expect(vectors).toContain(recycled);
        vectors.forEach((vector, version) =>
          expect([...new Float32Array(vector)]).toEqual(Array.from({ length: 10 }, (_, i) => 100 * version + i)),
        );
        expect(() => assembly.take(0)).toThrow("not complete");
      }),
    );
  });

  it("lie around what is frozen, which came once, in every buffer", () => {
    const trained = [
      { offset: 1, count: 2 },
      { offset: 4, count: 1 },
    ];
    const assembly = new ParameterAssembly(new PackedLayout(trained, 2), new PackedLayout(otherStretches(trained, 7), 3));
    assembly.storeFrozen(1, Float32Array.of(60));
    expect(() => assembly.store(0, 0, Float32Array.of(1, 2))).toThrow(
      "version 0 of the parameters came before 1 chunks of what is",
    );
    expect(() => assembly.storeFrozen(1, Float32Array.of(60))).toThrow("chunk 1 came twice");
    assembly.storeFrozen(0, Float32Array.of(10, 30, 50));
    const versions = [0, 1, 2].map((version) => {
      assembly.store(version, 1, Float32Array.of(100 * version + 4));
      expect(assembly.store(version, 0, Float32Array.of(100 * version + 1, 100 * version + 2))).toBe(true);
      const buffer = assembly.take(version);
      const values = [...new Float32Array(buffer)];
      assembly.recycle(buffer);
      return values;
    });
    expect(versions).toEqual([0, 100, 200].map((base) => [10, base + 1, base + 2, 30, base + 4, 50, 60]));
  });
});
