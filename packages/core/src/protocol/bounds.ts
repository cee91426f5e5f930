// Everything that a peer can make this side hold, in one place. proto/tabgrad.proto states the same numbers.

const KiB = 1024;
const MiB = 1024 * KiB;

/** Inclusive upper bounds, except where a name says otherwise. */
export const bounds = {
  /** One WebSocket message. */
  frameBytes: 16 * MiB,
  /** The header of a `Welcome`: it carries the graph and the list of shards. */
  welcomeBytes: 16 * MiB,
  /** The header of an `Assignment`. */
  assignmentBytes: 1 * MiB,
  /** Every other header. */
  headerBytes: 64 * KiB,

  /** Values of the flat vector. 1 GiB: a worker holds about three. */
  parameterElements: 2 ** 28,
  chunkElements: 2 ** 20,
  /** Chunks of the flat vector. */
  chunks: 2 ** 20,
  /** Stretches of the flat vector that are trained, with frozen ones in between. */
  stretches: 65_536,

  microbatchSize: 65_536,
  microbatches: 4096,
  /** Samples of one assignment. */
  samples: 2 ** 20,
  upcomingShards: 4096,

  shards: 65_536,
  shardBytes: 256 * MiB,
  shardSamples: 2 ** 24,
  fields: 16,
  rank: 8,
  /** Values of one sample of a field. */
  fieldElements: 2 ** 24,
  metrics: 64,
  /** Numbers of all metrics together: a confusion matrix of 64 classes has 4,096. */
  metricSums: 4096,

  /** What losses are multiplied with. */
  lossScale: 2 ** 32,

  /** Characters (Unicode code points). */
  name: 64,
  host: 32,
  device: 256,
  software: 64,
  runId: 128,
  /** What the coordinator calls a worker. */
  worker: 64,
  reason: 500,
  code: 64,
  fieldName: 128,
  metricName: 128,

  silenceMsLeast: 100,
  silenceMs: 3_600_000,
  /** Milliseconds that a `Timings` may state: some eleven days. */
  timingMs: 1e9,

  /** Assignments that a worker holds at a time, the one it computes included. */
  heldAssignments: 64,
  /** Versions of the parameters that a worker holds while they arrive or wait. */
  waitingVersions: 4,
} as const;
