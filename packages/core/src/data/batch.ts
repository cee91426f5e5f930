// From samples in shards to the arrays that an engine takes. This runs before every engine call, so its inner loop copies whole
// samples at a time, and batches are used again instead of being made anew.
import type { Batch } from "../engine/engine.ts";
import { TabgradError } from "../errors.ts";
import { type Field, fieldElements, type FieldValues } from "./layout.ts";
import { keysInput } from "../graph/training.ts";
import { keyed, type KeyedRandom } from "../random/keyed.ts";
import { featuresField } from "./description.ts";
import { groupMicrobatches, type Microbatch, microbatchSamples } from "./microbatch.ts";
import type { ShardView } from "./shard.ts";
import { Transforms, type TransformSpec } from "./transforms/index.ts";

export interface BatchPoolOptions {
  readonly microbatchSize: number;
  /** The most rows of one batch; a single microbatch may have more. */
  readonly maxRows: number;
  /** The run's, of which all that is random in training batches is a function. */
  readonly seed: number;
  /** What happens to the features of training samples. Default: nothing. */
  readonly transforms?: readonly TransformSpec[];
  /** Whether training batches have the input `keysInput`. Default: false. */
  readonly hasKeys?: boolean;
}

/** Finds a shard that is held in memory, by its index in the dataset's list. */
export type ShardLookup = (shard: number) => ShardView;

/** Below this many values a sample, a loop is faster than `set`. */
const loopBelow = 16;

/** A batch whose arrays are written again and again. */
interface ReusableBatch extends Batch {
  samples: number;
}

function createBatch(fields: readonly Field[], rows: number, hasKeys: boolean): ReusableBatch {
  const inputs: Record<string, Float32Array> = {};
  for (const field of fields) inputs[field.name] = new Float32Array(rows * fieldElements(field));
  if (hasKeys) inputs[keysInput] = new Float32Array(4 * rows);
  return { rows, samples: 0, inputs, weights: new Float32Array(rows) };
}

/** Copies the samples `order` of `from`, `elements` values each, to `to` from row `row` on, as float32. */
function copySamples(from: FieldValues, order: readonly number[], elements: number, to: Float32Array, row: number): void {
  let target = row * elements;
  if (elements >= loopBelow) {
    for (const sample of order) {
      to.set(from.subarray(sample * elements, (sample + 1) * elements), target);
      target += elements;
    }
    return;
  }
  for (const sample of order) {
    const end = (sample + 1) * elements;
    for (let source = sample * elements; source < end; source += 1, target += 1) to[target] = from[source]!;
  }
}

/** A slice comes over the network: one wrong number in it would otherwise train on NaN. */
function checkSlice(shard: number, view: ShardView, order: readonly number[]): void {
  for (const sample of order) {
    if (!(sample >= 0 && sample < view.samples)) {
      throw new TabgradError(
        "PROTOCOL_VIOLATION",
        `a microbatch names sample ${sample} of shard ${shard}, which has samples 0 to ${view.samples - 1}`,
        "The coordinator and this worker are of different versions, or one of them is defective: update the older one.",
      );
    }
  }
}

/** Every microbatch has as many rows, whatever it holds: the graph may tell microbatches apart by that. */
function fillBatch(batch: ReusableBatch, fields: readonly Field[], microbatches: readonly Microbatch[], lookup: ShardLookup): void {
  const size = batch.rows / microbatches.length;
  batch.samples = 0;
  microbatches.forEach(({ slices }, i) => {
    let row = i * size;
    for (const { shard, samples } of slices) {
      const view = lookup(shard);
      checkSlice(shard, view, samples);
      fields.forEach((field, f) => copySamples(view.values[f], samples, fieldElements(field), batch.inputs[field.name], row));
      row += samples.length;
    }
    const end = (i + 1) * size;
    batch.samples += row - i * size;
    batch.weights.fill(1, i * size, row).fill(0, row, end);
    for (const field of fields) batch.inputs[field.name].fill(0, row * fieldElements(field), end * fieldElements(field));
  });
}

/** Calls `visit` with the stream of every sample: it belongs to the purpose, the step, the shard and the place in it. */
function eachSample(
  step: KeyedRandom,
  microbatches: readonly Microbatch[],
  microbatchSize: number,
  visit: (row: number, random: KeyedRandom) => void,
): void {
  for (const [i, { slices }] of microbatches.entries()) {
    let row = i * microbatchSize;
    for (const { shard, samples } of slices) {
      const ofShard = step.child(shard);
      for (const sample of samples) visit(row++, ofShard.child(sample));
    }
  }
}

/** The input of `uniform`: both words of each sample's key, each as its upper and its lower half. */
function fillKeys(keys: Float32Array, step: KeyedRandom, microbatches: readonly Microbatch[], microbatchSize: number): void {
  keys.fill(0);
  eachSample(step, microbatches, microbatchSize, (row, { key }) =>
    key.forEach((word, i) => keys.set([word >>> 16, word & 0xffff], 4 * row + 2 * i)),
  );
}

/**
 * Makes batches for an engine and takes them back. Microbatches stand side by side, `microbatchSize` rows each; the rows that a short one
 * lacks come after its samples, are zero and have weight 0.
 */
export class BatchPool {
  readonly #fields: readonly Field[];
  readonly #options: BatchPoolOptions;
  readonly #transforms: Transforms | undefined;
  readonly #free = new Map<number, ReusableBatch[]>();
  readonly #lent = new WeakSet<Batch>();

  /** @throws TabgradError RUN_FILE_INVALID where a transform does not fit the samples */
  constructor(fields: readonly Field[], options: BatchPoolOptions) {
    this.#fields = fields;
    this.#options = options;
    const { transforms = [] } = options;
    const features = fields.find(({ name }) => name === featuresField);
    if (features && transforms.length > 0) this.#transforms = new Transforms(transforms, features.shape);
  }

  /**
   * The batches of an assignment, grouped by `groupMicrobatches`. They stay the caller's until `release`, and reading them after that
   * is a mistake. All shards that the microbatches draw on must be there: `lookup` gives them.
   * @param step that these are the training batches of; absent for an evaluation, whose samples are as they are
   * @throws TabgradError PROTOCOL_VIOLATION where a microbatch has more samples than `microbatchSize`, or names one that a shard
   *   does not have.
   */
  assemble(microbatches: readonly Microbatch[], lookup: ShardLookup, step?: number): Batch[] {
    const { microbatchSize, maxRows, hasKeys = false } = this.#options;
    for (const microbatch of microbatches) {
      const samples = microbatchSamples(microbatch);
      if (samples <= microbatchSize) continue;
      throw new TabgradError(
        "PROTOCOL_VIOLATION",
        `microbatch ${microbatch.index} has ${samples} samples; at most ${microbatchSize} were agreed on`,
        "The coordinator and this worker are of different versions, or one of them is defective: update the older one.",
      );
    }
    return groupMicrobatches(microbatches, { microbatchSize, maxRows }).map((run) => {
      const rows = run.length * microbatchSize;
      const batch = this.#free.get(rows)?.pop() ?? createBatch(this.#fields, rows, hasKeys);
      fillBatch(batch, this.#fields, run, lookup);
      if (step !== undefined) this.#randomise(batch, run, step);
      this.#lent.add(batch);
      return batch;
    });
  }

  #randomise(batch: ReusableBatch, microbatches: readonly Microbatch[], step: number): void {
    const { seed, hasKeys, microbatchSize } = this.#options;
    const transforms = this.#transforms;
    if (hasKeys) fillKeys(batch.inputs[keysInput], keyed(seed, "dropout", step), microbatches, microbatchSize);
    if (!transforms) return;
    const features = batch.inputs[featuresField];
    const elements = features.length / batch.rows;
    eachSample(keyed(seed, "augment", step), microbatches, microbatchSize, (row, random) =>
      transforms.apply(random, features.subarray(row * elements, (row + 1) * elements)),
    );
  }

  /** Takes batches back. Others than those that `assemble` gave, and those given back already, are ignored. */
  release(batches: Iterable<Batch>): void {
    for (const batch of batches) {
      if (!this.#lent.delete(batch)) continue;
      const free = this.#free.get(batch.rows);
      if (free) free.push(batch);
      else this.#free.set(batch.rows, [batch]);
    }
  }
}
