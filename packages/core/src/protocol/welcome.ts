// `Welcome`, the largest of the messages: all that a worker must know of a run, and all that it will allocate for it.
import { tabgrad } from "#proto";
import { type Field, type FieldStorage, shardLayout, type ShardInfo } from "../data/layout.ts";
import type { Precision } from "../engine/engine.ts";
import { transformsSchema } from "../data/transforms/index.ts";
import { bounds } from "./bounds.ts";
import { hexadecimal, length, number, text, violation } from "./check.ts";
import { chunkLayout } from "./chunks.ts";
import type { Stretch } from "./packed-layout.ts";
import type { Welcome } from "./messages.ts";
import { writable } from "./writable.ts";

const wire = tabgrad.v1;

const storageNumbers = {
  uint8: wire.StorageType.STORAGE_TYPE_UINT8,
  float32: wire.StorageType.STORAGE_TYPE_FLOAT32,
  int32: wire.StorageType.STORAGE_TYPE_INT32,
} as const satisfies Record<FieldStorage, number>;

const precisionNumbers = {
  float32: wire.Precision.PRECISION_FLOAT32,
  mixed: wire.Precision.PRECISION_MIXED,
} as const satisfies Record<Precision, number>;

const storages = new Map(Object.entries(storageNumbers).map(([storage, number]) => [number as number, storage as FieldStorage]));

export function welcomeProperties(message: Welcome): tabgrad.v1.Welcome.$Properties {
  const fields = writable(message.fields).map((field) => ({ ...field, storage: storageNumbers[field.storage] }));
  const { transforms = [], precision = "float32", ...rest } = writable(message);
  return {
    ...rest,
    fields,
    transforms: transforms.length > 0 ? JSON.stringify(transforms) : "",
    precision: precisionNumbers[precision],
  };
}

function readPrecision(value: number): Pick<Welcome, "precision"> {
  if (value === precisionNumbers.mixed) return { precision: "mixed" };
  if (value === wire.Precision.PRECISION_UNSPECIFIED || value === precisionNumbers.float32) return {};
  throw violation(`Welcome.precision is ${value}; expected 1 (float32) or 2 (mixed)`);
}

function readTransforms(json: string): Pick<Welcome, "transforms"> {
  if (json === "") return {};
  try {
    return { transforms: transformsSchema.parse(JSON.parse(json)) };
  } catch (error) {
    throw violation(`Welcome.transforms is no list of transforms: ${(error as Error).message}`);
  }
}

function readTrained(stretches: readonly tabgrad.v1.Stretch.$Properties[], elements: number): Pick<Welcome, "trained"> {
  if (stretches.length === 0) return {};
  length(stretches, 0, bounds.stretches, "stretches in Welcome.trained");
  let end = 0;
  const trained = stretches.map(({ offset: first, count: values }): Stretch => {
    const offset = number(first ?? 0, end, elements - 1, "Stretch.offset");
    const count = number(values ?? 0, 1, elements - offset, "Stretch.count");
    end = offset + count;
    return { offset, count };
  });
  return { trained };
}

export function readWelcome(body: Uint8Array): Welcome {
  const welcome = wire.Welcome.decode(body);
  const { runId, graph, metrics, microbatchSize, chunkElements, parameterElements, seed, silenceMs, worker, exact } = welcome;
  text(runId, 1, bounds.runId, "Welcome.run_id");
  length(metrics, 0, bounds.metrics, "names in Welcome.metrics");
  for (const name of metrics) text(name, 1, bounds.metricName, "a name in Welcome.metrics");
  number(microbatchSize, 1, bounds.microbatchSize, "Welcome.microbatch_size");
  number(chunkElements, 1, bounds.chunkElements, "Welcome.chunk_elements");
  number(parameterElements, 1, bounds.parameterElements, "Welcome.parameter_elements");
  number(chunkLayout(parameterElements, chunkElements).count, 1, bounds.chunks, "the number of chunks that Welcome asks for");
  number(silenceMs, bounds.silenceMsLeast, bounds.silenceMs, "Welcome.silence_ms");
  text(worker, 1, bounds.worker, "Welcome.worker");
  length(welcome.fields, 1, bounds.fields, "fields in Welcome.fields");
  length(welcome.shards, 1, bounds.shards, "shards in Welcome.shards");
  const fields = welcome.fields.map(readField);
  const shards = welcome.shards.map((shard) => readShard(shard, fields));
  return {
    type: "welcome",
    runId,
    graph,
    metrics,
    microbatchSize,
    chunkElements,
    parameterElements,
    fields,
    shards,
    seed,
    silenceMs,
    worker,
    exact,
    ...readTransforms(welcome.transforms),
    ...readPrecision(welcome.precision),
    ...readTrained(welcome.trained, parameterElements),
  };
}

function readField({ name, storage: storageNumber, shape }: tabgrad.v1.Field.$Properties): Field {
  text(name ?? "", 1, bounds.fieldName, "Field.name");
  const storage = storages.get(storageNumber ?? 0);
  if (!storage) throw violation(`Field.storage is ${storageNumber ?? 0}; expected 1 (uint8), 2 (float32) or 3 (int32)`);
  const sizes = shape ?? [];
  length(sizes, 0, bounds.rank, "sizes in Field.shape");
  let elements = 1;
  for (const size of sizes) {
    elements *= number(size, 1, bounds.fieldElements, "a size in Field.shape");
    number(elements, 1, bounds.fieldElements, "the number of values that Field.shape asks for");
  }
  return { name: name ?? "", storage, shape: sizes };
}

function readShard(shard: tabgrad.v1.Shard.$Properties, fields: readonly Field[]): ShardInfo {
  const hash = hexadecimal(shard.hash ?? "", 64, "Shard.hash");
  const samples = number(shard.samples ?? 0, 1, bounds.shardSamples, "Shard.samples");
  const bytes = number(shard.bytes ?? 0, 1, bounds.shardBytes, "Shard.bytes");
  const expected = shardLayout(fields, samples).bytes;
  if (bytes !== expected) throw violation(`Shard.bytes is ${bytes}; ${samples} samples of these fields take ${expected}`);
  return { hash, bytes, samples };
}
