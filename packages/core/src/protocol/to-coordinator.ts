// What workers send: from bytes to checked messages and back.
import { tabgrad } from "#proto";
import type { EngineKind } from "../engine/engine.ts";
import { bounds } from "./bounds.ts";
import { ascending, fitting, hexadecimal, length, number, text, violation } from "./check.ts";
import { packFrame, tensorValues, unpackFrame } from "./frame.ts";
import type {
  Availability,
  AvailabilityState,
  Contribution,
  ContributionChunk,
  Failed,
  Hello,
  Leaving,
  Pong,
  Timings,
  ToCoordinator,
} from "./messages.ts";
import { readMessage, type Readers } from "./read.ts";
import { writable } from "./writable.ts";

const wire = tabgrad.v1;

const readers: Readers<ToCoordinator> = {
  1: { name: "Hello", most: bounds.headerBytes, read: readHello },
  2: { name: "ContributionChunk", most: bounds.headerBytes, readTensor: readContributionChunk },
  3: { name: "Contribution", most: bounds.headerBytes, read: readContribution },
  4: { name: "Failed", most: bounds.headerBytes, read: readFailed },
  5: { name: "Leaving", most: bounds.headerBytes, read: readLeaving },
  6: { name: "Pong", most: bounds.headerBytes, read: readPong },
  7: { name: "Availability", most: bounds.headerBytes, read: readAvailability },
};

/**
 * Reads a frame from a worker. `values` of the result may be a view of `frame`. A `Hello` of another version of the protocol is read
 * as well: compare its `protocol`.
 * @throws TabgradError PROTOCOL_VIOLATION
 */
export function decodeToCoordinator(frame: Uint8Array): ToCoordinator {
  return readMessage(unpackFrame(frame), readers);
}

/** One buffer, ready to be sent, and built in `into` where it fits there. What people wrote is cut to what fits. */
export function encodeToCoordinator(message: ToCoordinator, into?: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const header = wire.ToCoordinator.encode(headerOf(message)).finish();
  return packFrame(header, message.type === "contributionChunk" ? message.values : undefined, into);
}

function headerOf(message: ToCoordinator): tabgrad.v1.ToCoordinator.$Properties {
  switch (message.type) {
    case "hello":
      return {
        hello: {
          ...message,
          name: fitting(message.name, bounds.name),
          device: fitting(message.device, bounds.device),
          software: fitting(message.software, bounds.software),
        },
      };
    case "contributionChunk":
      return { contributionChunk: message };
    case "contribution":
      return { contribution: writable(message) };
    case "failed":
      return { failed: { ...message, reason: fitting(message.reason, bounds.reason) } };
    case "leaving":
      return { leaving: { reason: fitting(message.reason, bounds.reason) } };
    case "pong":
      return { pong: message };
    case "availability":
      return { availability: { state: stateNumbers[message.state], reason: fitting(message.reason, bounds.reason) } };
    default:
      return message satisfies never;
  }
}

function readHello(body: Uint8Array): Hello {
  const { protocol, workerId, name, host, engine, device, software } = wire.Hello.decode(body);
  // Of another version's Hello only this much is certain, and it is enough to refuse it.
  if (protocol !== 1) return { type: "hello", protocol, workerId, name, host, engine: engine as EngineKind, device, software };
  if (engine !== "cpu" && engine !== "gpu") {
    throw violation(`Hello.engine is ${JSON.stringify(engine.slice(0, 80))}; expected "cpu" or "gpu"`);
  }
  return {
    type: "hello",
    protocol,
    workerId: hexadecimal(workerId, 32, "Hello.worker_id"),
    name: text(name, 1, bounds.name, "Hello.name"),
    host: text(host, 1, bounds.host, "Hello.host"),
    engine,
    device: text(device, 0, bounds.device, "Hello.device"),
    software: text(software, 0, bounds.software, "Hello.software"),
  };
}

function readContributionChunk(body: Uint8Array, tensor: Uint8Array): ContributionChunk {
  const { assignment, chunk } = wire.ContributionChunk.decode(body);
  const values = tensorValues(tensor);
  number(chunk, 0, bounds.chunks - 1, "ContributionChunk.chunk");
  number(values.length, 1, bounds.chunkElements, "the number of values in a ContributionChunk");
  return { type: "contributionChunk", assignment, chunk, values };
}

function readContribution(body: Uint8Array): Contribution {
  const { assignment, step, version, microbatches, samples, lossSum, metricSums, timings } = wire.Contribution.decode(body);
  length(microbatches, 1, bounds.microbatches, "microbatches in a Contribution");
  ascending(microbatches, "Contribution.microbatches");
  length(metricSums, 0, bounds.metricSums, "sums in Contribution.metric_sums");
  number(samples, 1, bounds.samples, "Contribution.samples");
  return {
    type: "contribution",
    assignment,
    step,
    version,
    microbatches,
    samples,
    // Not checked for NaN: a loss that is not finite is a result, and the coordinator's to judge.
    lossSum,
    metricSums,
    timings: readTimings(timings),
  };
}

function readTimings(timings: tabgrad.v1.Timings.$Properties | null | undefined): Timings {
  const checked = (value: number | null | undefined, what: string): number => number(value ?? 0, 0, bounds.timingMs, what);
  return {
    waitMs: checked(timings?.waitMs, "Timings.wait_ms"),
    fetchMs: checked(timings?.fetchMs, "Timings.fetch_ms"),
    computeMs: checked(timings?.computeMs, "Timings.compute_ms"),
    uploadMs: checked(timings?.uploadMs, "Timings.upload_ms"),
  };
}

function readFailed(body: Uint8Array): Failed {
  const { assignment, reason, code } = wire.Failed.decode(body);
  text(reason, 0, bounds.reason, "Failed.reason");
  text(code, 0, bounds.code, "Failed.code");
  return { type: "failed", assignment, reason, code };
}

function readLeaving(body: Uint8Array): Leaving {
  const { reason } = wire.Leaving.decode(body);
  return { type: "leaving", reason: text(reason, 0, bounds.reason, "Leaving.reason") };
}

function readPong(body: Uint8Array): Pong {
  return { type: "pong", nonce: wire.Pong.decode(body).nonce };
}

const stateNumbers = {
  available: wire.Availability.State.AVAILABLE,
  background: wire.Availability.State.BACKGROUND,
  paused: wire.Availability.State.PAUSED,
} as const satisfies Record<AvailabilityState, number>;

const states = new Map(Object.entries(stateNumbers).map(([state, number]) => [number as number, state as AvailabilityState]));

function readAvailability(body: Uint8Array): Availability {
  const { state: stateNumber, reason } = wire.Availability.decode(body);
  const state = states.get(stateNumber);
  if (!state) throw violation(`Availability.state is ${stateNumber}; expected 1 (available), 2 (background) or 3 (paused)`);
  return { type: "availability", state, reason: text(reason, 0, bounds.reason, "Availability.reason") };
}
