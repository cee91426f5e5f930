// The wire: messages survive it unchanged, and nothing that arrives can do harm.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TabgradError } from "../src/errors.ts";
import { horizontalFlip, randomCrop, shardLayout, type TransformSpec } from "../src/data/index.ts";
import {
  bounds,
  decodeToCoordinator,
  decodeToWorker,
  encodeToCoordinator,
  encodeToWorker,
  type Hello,
  type ToCoordinator,
  type ToWorker,
  type Welcome,
} from "../src/protocol/index.ts";

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const people = (max: number, min = 0): fc.Arbitrary<string> =>
  fc
    .string({ unit: "grapheme", minLength: min, maxLength: max })
    .filter((text) => [...text].length <= max && !/\p{Surrogate}/u.test(text));
const float = fc.float({ noNaN: false });
const values = fc.array(float, { minLength: 1, maxLength: 300 }).map((list) => new Float32Array(list));
const hexadecimal = (digits: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ minLength: digits / 2, maxLength: digits / 2 })
    .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
const ascending = (min: number): fc.Arbitrary<number[]> =>
  fc.uniqueArray(uint32, { minLength: min, maxLength: 20 }).map((list) => list.sort((a, b) => a - b));
const milliseconds = fc.double({ min: 0, max: 1e9, noNaN: true }).map((value) => value + 0);

const toCoordinator: fc.Arbitrary<ToCoordinator> = fc.oneof(
  fc.record({
    type: fc.constant("hello" as const),
    protocol: fc.constant(1),
    workerId: hexadecimal(32),
    name: people(64, 1),
    host: people(32, 1),
    engine: fc.constantFrom("cpu" as const, "gpu" as const),
    device: people(256),
    software: people(64),
  }),
  fc.record({ type: fc.constant("contributionChunk" as const), assignment: uint32, chunk: fc.nat(bounds.chunks - 1), values }),
  fc.record({
    type: fc.constant("contribution" as const),
    assignment: uint32,
    step: uint32,
    version: uint32,
    microbatches: ascending(1),
    samples: fc.integer({ min: 1, max: bounds.samples }),
    lossSum: fc.double(),
    metricSums: fc.array(fc.double(), { maxLength: 5 }),
    timings: fc.record({ waitMs: milliseconds, fetchMs: milliseconds, computeMs: milliseconds, uploadMs: milliseconds }),
  }),
  fc.record({ type: fc.constant("failed" as const), assignment: uint32, reason: people(500), code: people(64) }),
  fc.record({ type: fc.constant("leaving" as const), reason: people(500) }),
  fc.record({ type: fc.constant("pong" as const), nonce: uint32 }),
  fc.record({
    type: fc.constant("availability" as const),
    state: fc.constantFrom("available" as const, "background" as const, "paused" as const),
    reason: people(500),
  }),
);

const field = fc.record({
  name: people(128, 1),
  storage: fc.constantFrom("uint8" as const, "float32" as const, "int32" as const),
  shape: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 }),
});
const slice = fc.record({ shard: fc.nat(bounds.shards - 1), samples: fc.array(uint32, { minLength: 1, maxLength: 9 }) });

const welcome: fc.Arbitrary<Welcome> = fc
  .record({
    type: fc.constant("welcome" as const),
    runId: people(128, 1),
    graph: fc.json(),
    metrics: fc.array(people(128, 1), { maxLength: 4 }),
    microbatchSize: fc.integer({ min: 1, max: bounds.microbatchSize }),
    chunkElements: fc.integer({ min: 256, max: bounds.chunkElements }),
    parameterElements: fc.integer({ min: 1, max: bounds.parameterElements }),
    fields: fc.array(field, { minLength: 1, maxLength: 3 }),
    shards: fc.array(fc.record({ hash: hexadecimal(64), samples: fc.integer({ min: 1, max: 100 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
    seed: uint32,
    silenceMs: fc.integer({ min: bounds.silenceMsLeast, max: bounds.silenceMs }),
    worker: people(64, 1),
    exact: fc.boolean(),
    precision: fc.constantFrom(undefined, "mixed" as const),
    frozen: fc.boolean(),
    transforms: fc.constantFrom<readonly TransformSpec[]>([], [randomCrop({ padding: 4, fill: "edge" }), horizontalFlip()]),
  })
  .map(({ transforms, precision, frozen, ...message }) => ({
    ...message,
    ...(frozen && { trained: [{ offset: message.parameterElements - 1, count: 1 }] }),
    ...(precision && { precision }),
    ...(transforms.length > 0 && { transforms }),
    shards: message.shards.map((shard) => ({ ...shard, bytes: shardLayout(message.fields, shard.samples).bytes })),
  }));

const toWorker: fc.Arbitrary<ToWorker> = fc.oneof(
  welcome,
  fc.record({ type: fc.constant("refused" as const), code: people(64), reason: people(500), retry: fc.boolean() }),
  fc.record({ type: fc.constant("frozenChunk" as const), chunk: fc.nat(bounds.chunks - 1), values }),
  fc.record({ type: fc.constant("parametersChunk" as const), version: uint32, chunk: fc.nat(bounds.chunks - 1), values }),
  fc
    .record({
      lossScale: fc.constantFrom(undefined, 1, 2 ** 16, bounds.lossScale),
      type: fc.constant("assignment" as const),
      assignment: uint32,
      purpose: fc.constantFrom("train" as const, "evaluate" as const),
      step: uint32,
      version: uint32,
      microbatches: ascending(1).chain((indices) =>
        fc
          .array(fc.array(slice, { minLength: 1, maxLength: 3 }), { minLength: indices.length, maxLength: indices.length })
          .map((slices) => indices.map((index, i) => ({ index, slices: slices[i] }))),
      ),
      upcomingShards: fc.array(fc.nat(bounds.shards - 1), { maxLength: 9 }),
    })
    .map(({ lossScale, ...message }) => ({ ...message, ...(lossScale !== undefined && { lossScale }) })),
  fc.record({ type: fc.constant("recall" as const), assignment: uint32, microbatches: fc.array(uint32, { maxLength: 9 }) }),
  fc.record({ type: fc.constant("ping" as const), nonce: uint32 }),
  fc.record({ type: fc.constant("parametersBegin" as const), version: uint32 }),
  fc.record({ type: fc.constant("goodbye" as const), reason: people(500), reconnect: fc.boolean() }),
);

/** The same bytes, at an address that typed arrays of floats do not allow. */
function unaligned(frame: Uint8Array): Uint8Array {
  const elsewhere = new Uint8Array(frame.length + 1);
  elsewhere.set(frame, 1);
  return elsewhere.subarray(1);
}

function violationOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof TabgradError && error.code === "PROTOCOL_VIOLATION") return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

const hello: Hello = {
  type: "hello",
  protocol: 1,
  workerId: "0123456789abcdef0123456789abcdef",
  name: "a",
  host: "node",
  engine: "cpu",
  device: "",
  software: "",
};

describe("frames", () => {
  it("carry every message to a coordinator and back, wherever the bytes lie", () => {
    fc.assert(
      fc.property(toCoordinator, (message) => {
        const frame = encodeToCoordinator(message);
        expect(decodeToCoordinator(frame)).toEqual(message);
        expect(decodeToCoordinator(unaligned(frame))).toEqual(message);
      }),
    );
  });

  it("carry every message to a worker and back, wherever the bytes lie", () => {
    fc.assert(
      fc.property(toWorker, (message) => {
        const frame = encodeToWorker(message);
        expect(decodeToWorker(frame)).toEqual(message);
        expect(decodeToWorker(unaligned(frame))).toEqual(message);
      }),
    );
  });

  it("hold the header's length, the header, padding to 8 bytes and the tensor", () => {
    const frame = encodeToWorker({ type: "parametersChunk", version: 3, chunk: 2, values: new Float32Array([1, -2]) });
    const header = [0x1a, 4, 0x08, 3, 0x10, 2];
    expect([...frame]).toEqual([6, 0, 0, 0, ...header, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
    expect([...encodeToWorker({ type: "ping", nonce: 1 })]).toEqual([4, 0, 0, 0, 0x32, 2, 0x08, 1]);
  });

  it("give an aligned tensor without copying it", () => {
    const frame = encodeToWorker({ type: "parametersChunk", version: 0, chunk: 0, values: new Float32Array(10) });
    const message = decodeToWorker(frame);
    expect(message.type === "parametersChunk" && message.values.buffer).toBe(frame.buffer);
  });

  it("cut what people wrote to what fits, and mend what UTF-8 cannot carry", () => {
    const message = decodeToCoordinator(encodeToCoordinator({ type: "leaving", reason: "\u{1f600}".repeat(600) }));
    expect(message).toEqual({ type: "leaving", reason: "\u{1f600}".repeat(500) });
    const paused = { type: "availability", state: "paused", reason: "x".repeat(600) } as const;
    expect(decodeToCoordinator(encodeToCoordinator(paused))).toEqual({ ...paused, reason: "x".repeat(500) });
    expect(decodeToCoordinator(encodeToCoordinator({ type: "leaving", reason: "a\ud800b" }))).toEqual({
      type: "leaving",
      reason: "a\ufffdb",
    });
  });

  it("refuse to be built larger than the bound", () => {
    const large = new Float32Array(bounds.frameBytes / 4);
    expect(() => encodeToWorker({ type: "parametersChunk", version: 0, chunk: 0, values: large })).toThrow(RangeError);
  });
});

describe("a frame that the contract does not allow", () => {
  const decodeOf =
    (message: ToCoordinator): (() => unknown) =>
    () =>
      decodeToCoordinator(encodeToCoordinator(message));

  it.each<[string, () => unknown, RegExp]>([
    ["too short", () => decodeToWorker(new Uint8Array(3)), /a frame of 3 bytes/],
    ["too long", () => decodeToWorker(new Uint8Array(bounds.frameBytes + 1)), /a frame of 16777217 bytes; allowed is 16777216/],
    ["no header", () => decodeToWorker(new Uint8Array(4)), /does not begin with a message/],
    ["a header beyond the frame", () => decodeToWorker(new Uint8Array([9, 0, 0, 0, 0x32])), /a header of 9 bytes in a frame of 5/],
    ["a message unknown", () => decodeToWorker(new Uint8Array([2, 0, 0, 0, 0x7a, 0])), /no message number 15/],
    ["two messages", () => decodeToWorker(new Uint8Array([4, 0, 0, 0, 0x32, 0, 0x32, 0])), /exactly one message/],
    ["a number for a header", () => decodeToWorker(new Uint8Array([2, 0, 0, 0, 0x30, 0])), /does not begin with a message/],
    ["torn protobuf", () => decodeToWorker(new Uint8Array([3, 0, 0, 0, 0x32, 1, 0x08])), /Ping is not valid protobuf/],
    [
      "a tensor where none belongs",
      () => decodeToWorker(new Uint8Array([2, 0, 0, 0, 0x32, 0, 0, 0, 1])),
      /Ping is followed by 1 bytes/,
    ],
    ["a missing tensor", () => decodeToWorker(new Uint8Array([2, 0, 0, 0, 0x1a, 0])), /values in a ParametersChunk is 0/],
    [
      "padding cut off",
      () => decodeToWorker(new Uint8Array([2, 0, 0, 0, 0x1a, 0, 0])),
      /padding after a header of 2 bytes is cut off/,
    ],
    ["a torn float", () => decodeToWorker(new Uint8Array([2, 0, 0, 0, 0x1a, 0, 0, 0, 1, 2, 3])), /a tensor of 3 bytes/],
    [
      "the other direction",
      () => decodeToCoordinator(encodeToWorker({ type: "parametersBegin", version: 1 })),
      /no message number 8/,
    ],
    ["an engine unknown", decodeOf({ ...hello, engine: "tpu" as "gpu" }), /Hello.engine is "tpu"/],
    ["a worker without a name", decodeOf({ ...hello, name: "" }), /Hello.name has 0 characters; allowed is 1 to 64/],
    ["a worker's id", decodeOf({ ...hello, workerId: "xyz" }), /Hello.worker_id is "xyz"; expected 32 hexadecimal digits/],
    [
      "a code too long",
      decodeOf({ type: "failed", assignment: 1, reason: "", code: "C".repeat(65) }),
      /Failed.code has 65 characters/,
    ],
    [
      "an availability unknown",
      () => decodeToCoordinator(new Uint8Array([4, 0, 0, 0, 0x3a, 2, 0x08, 4])),
      /Availability.state is 4; expected 1 \(available\), 2 \(background\) or 3 \(paused\)/,
    ],
    ["an availability unsaid", () => decodeToCoordinator(new Uint8Array([2, 0, 0, 0, 0x3a, 0])), /Availability.state is 0/],
    [
      "microbatches in the wrong order",
      decodeOf({
        type: "contribution",
        assignment: 1,
        step: 1,
        version: 0,
        microbatches: [2, 1],
        samples: 1,
        lossSum: 0,
        metricSums: [],
        timings: { waitMs: 0, fetchMs: 0, computeMs: 0, uploadMs: 0 },
      }),
      /Contribution.microbatches are not ascending: 1 comes after 2/,
    ],
    [
      "timings that are no time",
      decodeOf({
        type: "contribution",
        assignment: 1,
        step: 1,
        version: 0,
        microbatches: [1],
        samples: 1,
        lossSum: 0,
        metricSums: [],
        timings: { waitMs: NaN, fetchMs: 0, computeMs: 0, uploadMs: 0 },
      }),
      /Timings.wait_ms is NaN/,
    ],
    [
      "an empty slice",
      () =>
        decodeToWorker(
          encodeToWorker({
            type: "assignment",
            assignment: 1,
            purpose: "train",
            step: 1,
            version: 0,
            microbatches: [{ index: 0, slices: [{ shard: 0, samples: [] }] }],
            upcomingShards: [],
          }),
        ),
      /a Slice has no samples/,
    ],
    [
      "a loss scale that is no power of two",
      () =>
        decodeToWorker(
          encodeToWorker({
            type: "assignment",
            assignment: 1,
            purpose: "train",
            step: 1,
            version: 0,
            microbatches: [{ index: 0, slices: [{ shard: 0, samples: [0] }] }],
            upcomingShards: [],
            lossScale: 3,
          }),
        ),
      /loss_scale is 3; expected a power of two/,
    ],
  ])("%s", (_, decode, message) => {
    expect(violationOf(decode)).toMatch(message);
  });

  it("a shard that is not as long as its samples", () => {
    const [message] = fc.sample(welcome, { numRuns: 1, seed: 1 });
    const [shard] = message.shards;
    const wrong = { ...message, shards: [{ ...shard, bytes: shard.bytes + 1 }] };
    expect(violationOf(() => decodeToWorker(encodeToWorker(wrong)))).toMatch(/Shard.bytes is/);
  });

  it("a worker that is called nothing, or something endless", () => {
    const [message] = fc.sample(welcome, { numRuns: 1, seed: 1 });
    const decodeNamed = (worker: string) => () => decodeToWorker(encodeToWorker({ ...message, worker }));
    expect(violationOf(decodeNamed(""))).toMatch(/Welcome.worker has 0 characters; allowed is 1 to 64/);
    expect(violationOf(decodeNamed("w".repeat(65)))).toMatch(/Welcome.worker has 65 characters/);
  });

  it("stretches to train that overlap, are empty, or go beyond the vector", () => {
    const [message] = fc.sample(welcome, { numRuns: 1, seed: 1 });
    const refused = (...trained: { offset: number; count: number }[]) =>
      violationOf(() => decodeToWorker(encodeToWorker({ ...message, parameterElements: 9, trained })));
    expect(refused({ offset: 0, count: 4 }, { offset: 3, count: 1 })).toMatch(/Stretch.offset is 3; allowed is 4 to 8/);
    expect(refused({ offset: 2, count: 0 })).toMatch(/Stretch.count is 0; allowed is 1 to 7/);
    expect(refused({ offset: 2, count: 8 })).toMatch(/Stretch.count is 8; allowed is 1 to 7/);
  });

  it("a field whose size overflows", () => {
    const [message] = fc.sample(welcome, { numRuns: 1, seed: 1 });
    const wrong = { ...message, fields: [{ name: "x", storage: "uint8" as const, shape: [2 ** 20, 2 ** 20] }] };
    expect(violationOf(() => decodeToWorker(encodeToWorker(wrong)))).toMatch(/the number of values that Field.shape asks for/);
  });

  it("a large header of a small message, before it is decoded", () => {
    const frame = new Uint8Array(bounds.headerBytes + 100);
    const length = frame.length - 4;
    new DataView(frame.buffer).setUint32(0, length, true);
    // Recall, with all the rest its body.
    frame.set([0x2a, ((length - 4) & 127) | 128, (((length - 4) >> 7) & 127) | 128, (length - 4) >> 14], 4);
    expect(violationOf(() => decodeToWorker(frame))).toMatch(/Recall has a header of 65632 bytes; allowed is 65536/);
  });

  it("is still read if it is a Hello of another version, so that it can be answered", () => {
    const later = { ...hello, protocol: 2, workerId: "", name: "" };
    expect(decodeToCoordinator(encodeToCoordinator(later))).toEqual(later);
  });
});

describe("random bytes and mutated frames", () => {
  const decoders = [decodeToWorker, decodeToCoordinator];

  function onlyViolations(frame: Uint8Array): void {
    for (const decode of decoders) {
      try {
        decode(frame);
      } catch (error) {
        if (!(error instanceof TabgradError) || error.code !== "PROTOCOL_VIOLATION") throw error;
      }
    }
  }

  it("give a message or a violation, nothing else", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), onlyViolations), { numRuns: 2000 });
  });

  it("give a message or a violation where the frame's own lengths are right", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.integer({ min: 1, max: 8 }), (body, field) => {
        onlyViolations(new Uint8Array([body.length + 2, 0, 0, 0, field * 8 + 2, body.length, ...body]));
      }),
      { numRuns: 5000 },
    );
  });

  it("give a message or a violation where a good frame was damaged", () => {
    const frames = fc.oneof(toWorker.map(encodeToWorker), toCoordinator.map(encodeToCoordinator));
    const damages = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(frames, damages, fc.option(fc.nat()), (frame, changes, cut) => {
        const damaged = frame.slice();
        for (const [position, byte] of changes) damaged[position % damaged.length] = byte;
        onlyViolations(cut === null ? damaged : damaged.subarray(0, cut % damaged.length));
      }),
      { numRuns: 2000 },
    );
  });
});
