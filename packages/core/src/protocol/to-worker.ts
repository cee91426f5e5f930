// What the coordinator sends: from bytes to checked messages and back.
import { tabgrad } from "#proto";
import { bounds } from "./bounds.ts";
import { ascending, fitting, length, number, text, violation } from "./check.ts";
import { packFrame, tensorValues, unpackFrame } from "./frame.ts";
import type {
  Assignment,
  FrozenChunk,
  Goodbye,
  ParametersBegin,
  ParametersChunk,
  Ping,
  Purpose,
  Recall,
  Refused,
  ToWorker,
} from "./messages.ts";
import { readMessage, type Readers } from "./read.ts";
import { readWelcome, welcomeProperties } from "./welcome.ts";
import { writable } from "./writable.ts";

const wire = tabgrad.v1;

const readers: Readers<ToWorker> = {
  1: { name: "Welcome", most: bounds.welcomeBytes, read: readWelcome },
  2: { name: "Refused", most: bounds.headerBytes, read: readRefused },
  3: { name: "ParametersChunk", most: bounds.headerBytes, readTensor: readParametersChunk },
  4: { name: "Assignment", most: bounds.assignmentBytes, read: readAssignment },
  5: { name: "Recall", most: bounds.headerBytes, read: readRecall },
  6: { name: "Ping", most: bounds.headerBytes, read: readPing },
  7: { name: "Goodbye", most: bounds.headerBytes, read: readGoodbye },
  8: { name: "ParametersBegin", most: bounds.headerBytes, read: readParametersBegin },
  9: { name: "FrozenChunk", most: bounds.headerBytes, readTensor: readFrozenChunk },
};

/**
 * Reads a frame from a coordinator. `values` of the result may be a view of `frame`. What only makes sense with the run's `Welcome`
 * at hand (indices of shards, of samples, of chunks) is the session's to check.
 * @throws TabgradError PROTOCOL_VIOLATION
 */
export function decodeToWorker(frame: Uint8Array): ToWorker {
  return readMessage(unpackFrame(frame), readers);
}

/** One buffer, ready to be sent to any number of workers. What people wrote is cut to what fits. */
export function encodeToWorker(message: ToWorker): Uint8Array<ArrayBuffer> {
  const header = wire.ToWorker.encode(headerOf(message)).finish();
  return packFrame(header, "values" in message ? message.values : undefined);
}

function headerOf(message: ToWorker): tabgrad.v1.ToWorker.$Properties {
  switch (message.type) {
    case "welcome":
      return { welcome: welcomeProperties(message) };
    case "refused":
      return { refused: { ...message, reason: fitting(message.reason, bounds.reason) } };
    case "frozenChunk":
      return { frozenChunk: message };
    case "parametersChunk":
      return { parametersChunk: message };
    case "parametersBegin":
      return { parametersBegin: message };
    case "assignment":
      return { assignment: { ...writable(message), purpose: purposeNumbers[message.purpose] } };
    case "recall":
      return { recall: writable(message) };
    case "ping":
      return { ping: message };
    case "goodbye":
      return { goodbye: { ...message, reason: fitting(message.reason, bounds.reason) } };
    default:
      return message satisfies never;
  }
}

const purposeNumbers = {
  train: wire.Purpose.PURPOSE_TRAIN,
  evaluate: wire.Purpose.PURPOSE_EVALUATE,
} as const satisfies Record<Purpose, number>;

function readPurpose(value: number): Purpose {
  if (value === purposeNumbers.train) return "train";
  if (value === purposeNumbers.evaluate) return "evaluate";
  throw violation(`Assignment.purpose is ${value}; expected 1 (train) or 2 (evaluate)`);
}

function readRefused(body: Uint8Array): Refused {
  const { code, reason, retry } = wire.Refused.decode(body);
  text(code, 0, bounds.code, "Refused.code");
  text(reason, 0, bounds.reason, "Refused.reason");
  return { type: "refused", code, reason, retry };
}

function readFrozenChunk(body: Uint8Array, tensor: Uint8Array): FrozenChunk {
  return { type: "frozenChunk", ...readChunk(wire.FrozenChunk.decode(body).chunk, tensor, "FrozenChunk") };
}

function readParametersChunk(body: Uint8Array, tensor: Uint8Array): ParametersChunk {
  const { version, chunk } = wire.ParametersChunk.decode(body);
  return { type: "parametersChunk", version, ...readChunk(chunk, tensor, "ParametersChunk") };
}

function readChunk(chunk: number, tensor: Uint8Array, name: string): Pick<FrozenChunk, "chunk" | "values"> {
  const values = tensorValues(tensor);
  number(chunk, 0, bounds.chunks - 1, `${name}.chunk`);
  number(values.length, 1, bounds.chunkElements, `the number of values in a ${name}`);
  return { chunk, values };
}

function readParametersBegin(body: Uint8Array): ParametersBegin {
  return { type: "parametersBegin", version: wire.ParametersBegin.decode(body).version };
}

function readAssignment(body: Uint8Array): Assignment {
  const { assignment, purpose, step, version, microbatches, upcomingShards, lossScale } = wire.Assignment.decode(body);
  length(microbatches, 1, bounds.microbatches, "microbatches in an Assignment");
  length(upcomingShards, 0, bounds.upcomingShards, "shards in Assignment.upcoming_shards");
  let samples = 0;
  const read = microbatches.map(({ index, slices }) => {
    const microbatch = { index: index ?? 0, slices: (slices ?? []).map((slice) => readSlice(slice)) };
    const count = microbatch.slices.reduce((sum, slice) => sum + slice.samples.length, 0);
    number(count, 1, bounds.microbatchSize, `the number of samples in microbatch ${microbatch.index}`);
    samples += count;
    return microbatch;
  });
  number(samples, 1, bounds.samples, "the number of samples in an Assignment");
  ascending(
    read.map(({ index }) => index),
    "the indices of an Assignment's microbatches",
  );
  return {
    ...{ type: "assignment", assignment, purpose: readPurpose(purpose), step, version, microbatches: read, upcomingShards },
    ...readLossScale(lossScale),
  };
}

function readLossScale(value: number): Pick<Assignment, "lossScale"> {
  if (value === 0) return {};
  const lossScale = number(value, 1, bounds.lossScale, "Assignment.loss_scale");
  if (!Number.isInteger(Math.log2(lossScale))) throw violation(`Assignment.loss_scale is ${lossScale}; expected a power of two`);
  return { lossScale };
}

function readSlice({ shard, samples }: tabgrad.v1.Slice.$Properties): { shard: number; samples: number[] } {
  number(shard ?? 0, 0, bounds.shards - 1, "Slice.shard");
  if (!samples?.length) throw violation("a Slice has no samples");
  return { shard: shard ?? 0, samples };
}

function readRecall(body: Uint8Array): Recall {
  const { assignment, microbatches } = wire.Recall.decode(body);
  length(microbatches, 0, bounds.microbatches, "microbatches in a Recall");
  return { type: "recall", assignment, microbatches };
}

function readPing(body: Uint8Array): Ping {
  return { type: "ping", nonce: wire.Ping.decode(body).nonce };
}

function readGoodbye(body: Uint8Array): Goodbye {
  const { reason, reconnect } = wire.Goodbye.decode(body);
  return { type: "goodbye", reason: text(reason, 0, bounds.reason, "Goodbye.reason"), reconnect };
}
