// The process host against a scripted coordinator on a real port, with the real CPU engine on its thread.
import { closeCodes, evaluate, TabgradError, trainingGraph, type ToWorker } from "@tabgrad/core";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { runWorker, type WorkerEnd, type WorkerOptions } from "../src/index.ts";
import {
  assigned,
  assignment,
  columns,
  graph,
  parameters,
  shardBytes,
  TinyCoordinator,
  type TinyOptions,
  welcome,
} from "./tiny-coordinator.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function coordinatorWith(options: TinyOptions = {}): Promise<TinyCoordinator> {
  const coordinator = await TinyCoordinator.start(options);
  cleanups.push(() => coordinator.kill());
  return coordinator;
}

interface Running {
  readonly end: Promise<WorkerEnd>;
  readonly abort: () => void;
  readonly lines: string[];
  /** Settles when a line that contains `words` has been logged. */
  readonly logged: (words: string) => Promise<void>;
}

function startWorker(url: string, options: Partial<WorkerOptions> = {}): Running {
  const controller = new AbortController();
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  const note = (_: object, message: string): void => {
    lines.push(message);
    for (const look of waiting.splice(0)) look();
  };
  const logged = async (words: string): Promise<void> => {
    while (!lines.some((line) => line.includes(words))) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const log = { info: note, warn: note };
  const end = runWorker({ url, name: "test", engine: "cpu", log, signal: controller.signal, ...options });
  end.catch(() => {});
  cleanups.push(async () => {
    controller.abort();
    await end.catch(() => {});
  });
  return { end, abort: () => controller.abort(), lines, logged };
}

/** What the contribution to `assignment` must be, in float64. */
function reference(): { lossSum: number; accuracy: number; gradients: number[] } {
  const inputs = {
    features: assigned.flatMap((i) => [...columns.features.subarray(i * 6, i * 6 + 6)]),
    labels: assigned.map((i) => columns.labels[i]),
    weights: assigned.map(() => 1),
  };
  const training = trainingGraph(graph, assigned.length);
  const outputs = evaluate(training, inputs, parameters);
  const gradients = Object.keys(training.outputs).filter((name) => name.startsWith("gradient:"));
  return {
    lossSum: outputs["loss"].data[0],
    accuracy: outputs["metric:accuracy"].data[0],
    gradients: gradients.flatMap((name) => [...outputs[name].data]),
  };
}

function expectReference(gradients: Float32Array): void {
  reference().gradients.forEach((expected, i) => expect(gradients[i]).toBeCloseTo(expected, 5));
}

async function failureOf(end: Promise<unknown>): Promise<TabgradError> {
  const error = await end.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TabgradError);
  return error as TabgradError;
}

describe("a worker", () => {
  it("says who it is, fetches its shards, computes the gradient of its microbatches, and ends with the run", async () => {
    const coordinator = await coordinatorWith();
    const worker = startWorker(coordinator.url, { name: "a worker" });
    const peer = await coordinator.peer();
    expect(await peer.greet()).toMatchObject({
      protocol: 1,
      name: "a worker",
      host: "node",
      engine: "cpu",
      device: expect.stringContaining("ONNX Runtime"),
      software: expect.stringMatching(/^tabgrad \d/),
    });
    expect(peer.socket.extensions).toBe("");
    expect(peer.socket.protocol).toBe("tabgrad.v1");
    peer.send(assignment);
    peer.sendParameters(0);
    const { gradients, contribution } = await peer.contribution();
    expect(contribution).toMatchObject({ assignment: 1, step: 1, version: 0, microbatches: [0, 1], samples: 8 });
    const { lossSum, accuracy } = reference();
    expect(contribution.lossSum).toBeCloseTo(lossSum, 4);
    expect(contribution.metricSums).toEqual([accuracy]);
    expect(contribution.timings.computeMs).toBeGreaterThan(0);
    expectReference(gradients);
    peer.send({ type: "goodbye", reason: "finished after 1 step", reconnect: false });
    expect(await worker.end).toEqual({ kind: "finished", reason: "finished after 1 step" });
    expect(await peer.closed).toBe(1000);
    expect(worker.lines).toEqual([
      expect.stringContaining("computing on ONNX Runtime"),
      `joined the run at ${coordinator.url}`,
      "the run is over: finished after 1 step",
    ]);
  });

  it("takes an assignment early, holds it for its parameters, and fetches each shard once", async () => {
    const coordinator = await coordinatorWith();
    startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.greet();
    peer.sendParameters(0);
    peer.send(assignment);
    const later = parameters.map((value) => value / 2);
    peer.send({ ...assignment, assignment: 2, step: 2, version: 1 });
    peer.send({ ...assignment, assignment: 3, step: 1, version: 1, purpose: "evaluate" });
    const first = await peer.contribution();
    peer.sendParameters(1, later);
    const second = await peer.contribution();
    const third = await peer.next("contribution");
    expect([first, second].map(({ contribution }) => contribution.version)).toEqual([0, 1]);
    expect(third).toMatchObject({ assignment: 3, version: 1, samples: 8, lossSum: second.contribution.lossSum });
    expect(first.contribution.lossSum).not.toBe(third.lossSum);
    expect(coordinator.requests.filter((path) => path.startsWith("/shards/")).sort()).toEqual(
      welcome.shards.map(({ hash }) => `/shards/${hash}`).sort(),
    );
  });

  it("leaves out what was recalled before it began", async () => {
    const coordinator = await coordinatorWith();
    startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.greet();
    peer.send({ ...assignment, assignment: 1 });
    peer.send({ ...assignment, assignment: 2 });
    peer.send({ type: "recall", assignment: 1, microbatches: [] });
    peer.send({ type: "recall", assignment: 2, microbatches: [0] });
    peer.sendParameters(0);
    const { contribution } = await peer.contribution();
    expect(contribution).toMatchObject({ assignment: 2, microbatches: [1], samples: 4 });
  });

  it("answers pings while its engine is busy", async () => {
    const coordinator = await coordinatorWith();
    startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.greet();
    peer.send({ type: "ping", nonce: 5 });
    expect(await peer.next("pong")).toEqual({ type: "pong", nonce: 5 });
  });

  it("leaves when it is asked to, with a word, and leaves nothing behind", async () => {
    const coordinator = await coordinatorWith();
    const worker = startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.greet();
    worker.abort();
    expect(await peer.next("leaving")).toEqual({ type: "leaving", reason: "asked to leave" });
    expect(await peer.closed).toBe(1000);
    expect(await worker.end).toEqual({ kind: "left", reason: "asked to leave" });
  });

  it("ends at once where it is asked to leave before anything is there", async () => {
    const worker = startWorker("http://127.0.0.1:7070");
    worker.abort();
    expect(await worker.end).toEqual({ kind: "left", reason: "asked to leave" });
  });

  it("comes back to a coordinator that was killed, as the same worker, with the shards it has", async () => {
    const before = await TinyCoordinator.start();
    const worker = startWorker(before.url);
    const peer = await before.peer();
    const hello = await peer.greet();
    peer.send(assignment);
    peer.sendParameters(0);
    await peer.contribution();
    const { port } = before;
    await before.kill();

    const after = await coordinatorWith({ port });
    const again = await after.peer();
    expect((await again.greet()).workerId).toBe(hello.workerId);
    again.sendParameters(0);
    again.send(assignment);
    expectReference((await again.contribution()).gradients);
    expect(after.requests.filter((path) => path.startsWith("/shards/"))).toEqual([]);
    expect(worker.lines.filter((line) => line.startsWith("joined"))).toHaveLength(2);
  });

  it("may be started before its coordinator, and says once that nothing is there", async () => {
    const placeholder = await TinyCoordinator.start();
    const { port, url } = placeholder;
    await placeholder.kill();
    const worker = startWorker(url, { giveUpMs: 60_000 });
    await worker.logged("nothing listens there; trying again for 60 s");
    const coordinator = await coordinatorWith({ port });
    await (await coordinator.peer()).greet();
    expect(worker.lines.filter((line) => line.includes("trying again"))).toHaveLength(1);
  });

  it("gives up after the time it was given", async () => {
    const placeholder = await TinyCoordinator.start();
    const { url } = placeholder;
    await placeholder.kill();
    const error = await failureOf(startWorker(url, { giveUpMs: 50 }).end);
    expect(error).toMatchObject({ code: "COORDINATOR_UNREACHABLE", exitCode: 4 });
  });
});

describe("an address that is no coordinator's", () => {
  /** A program that answers every connection with these bytes. */
  async function serverSaying(bytes: string): Promise<string> {
    const sockets: Socket[] = [];
    const server: Server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => {}).end(bytes);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const html = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";

  it.each([
    ["a web page", html, "its answer is not JSON"],
    ["a page not found", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", "status 404"],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "it does not speak HTTP"],
  ])("is named for what it is: %s", async (_, bytes, message) => {
    const error = await failureOf(startWorker(await serverSaying(bytes)).end);
    expect(error).toMatchObject({ code: "NOT_A_COORDINATOR", exitCode: 4, message: expect.stringContaining(message) });
  });

  it("has a port that is none for HTTP", async () => {
    expect(await failureOf(startWorker("http://127.0.0.1:6667").end)).toMatchObject({
      code: "ADDRESS_UNAVAILABLE",
      message: expect.stringContaining("port 6667"),
    });
  });

  it("speaks another protocol: both versions are named", async () => {
    const coordinator = await coordinatorWith({ identity: { tabgrad: "coordinator", protocol: 2 } });
    const error = await failureOf(startWorker(coordinator.url).end);
    expect(error).toMatchObject({
      code: "PROTOCOL_VERSION",
      message: "the coordinator speaks version 2 of the protocol, this side version 1",
      remedy: expect.stringContaining("update this side"),
    });
  });
});

describe("a coordinator that says no", () => {
  it("refuses this worker: its code and its words come through", async () => {
    const coordinator = await coordinatorWith();
    const worker = startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.next("hello");
    peer.send({ type: "refused", code: "PROTOCOL_VERSION", reason: "too old", retry: false });
    peer.socket.close(closeCodes.protocolVersion);
    expect(await failureOf(worker.end)).toMatchObject({ code: "PROTOCOL_VERSION", message: expect.stringContaining("too old") });
  });

  it("sends what the contract does not allow: the worker closes with 4002", async () => {
    const coordinator = await coordinatorWith();
    const worker = startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.next("hello");
    peer.socket.send(new Uint8Array(3));
    expect(await peer.closed).toBe(closeCodes.protocolViolation);
    expect(await failureOf(worker.end)).toMatchObject({ code: "PROTOCOL_VIOLATION" });
  });

  it("sends samples that a shard does not have: the worker closes with 4002", async () => {
    const coordinator = await coordinatorWith();
    const worker = startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.greet();
    peer.send({ ...assignment, microbatches: [{ index: 0, slices: [{ shard: 0, samples: [99] }] }] });
    peer.sendParameters(0);
    expect(await peer.closed).toBe(closeCodes.protocolViolation);
    expect(await failureOf(worker.end)).toMatchObject({ message: expect.stringContaining("sample 99 of shard 0") });
  });

  it("sends a graph that is none: the worker leaves", async () => {
    const coordinator = await coordinatorWith();
    const worker = startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.next("hello");
    peer.send({ ...welcome, graph: "{}" } satisfies ToWorker);
    expect((await peer.next("leaving")).reason).toMatch(/not a graph/);
    expect(await failureOf(worker.end)).toMatchObject({ code: "GRAPH_INVALID" });
  });
});

describe("a shard that cannot be had", () => {
  it.each<[string, TinyOptions["serveShard"], string, RegExp]>([
    ["is missing", (_, response) => response.writeHead(404).end(), "DATA_NOT_FOUND", /status 404/],
    [
      "is another one",
      (index, response) => response.end(shardBytes[index].map((byte, i) => (i === 20 ? byte ^ 1 : byte))),
      "DATA_SHARD_CORRUPT",
      /another hash/,
    ],
    ["is cut off", (index, response) => response.end(shardBytes[index].subarray(8)), "DATA_SHARD_CORRUPT", /instead of/],
    ["is too long", (_, response) => response.end(Buffer.alloc(100_000)), "DATA_SHARD_CORRUPT", /more than/],
    ["breaks off", (_, response) => response.destroy(), "COORDINATOR_UNREACHABLE", /shard/],
  ])("because it %s: the assignment goes back, the worker stays", async (_, serveShard, code, reason) => {
    const coordinator = await coordinatorWith({ serveShard });
    const worker = startWorker(coordinator.url);
    const peer = await coordinator.peer();
    await peer.greet();
    peer.sendParameters(0);
    peer.send(assignment);
    const failed = await peer.next("failed");
    expect(failed).toMatchObject({ assignment: 1, code });
    expect(failed.reason).toMatch(reason);
    peer.send({ type: "ping", nonce: 1 });
    await peer.next("pong");
    expect(worker.lines.at(-1)).toMatch(/^gave work back: /);
  });
});
