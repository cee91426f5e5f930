// The held-out samples that the model is asked about: the first ones, in their order, out of as few shards as that takes.
import { fieldElements, sampleBytes, viewShard, type DatasetDescription, type FieldValues } from "@tabgrad/core";

/** The most samples that a page asks about, and the most bytes of them that it holds. */
export const sampleBounds = { samples: 1000, bytes: 16 * 2 ** 20 } as const;

/** The first `samples` of a shard. */
export interface Stretch {
  /** Index into the dataset's list of shards. */
  readonly shard: number;
  readonly samples: number;
}

/** Values as they are stored, sample after sample. */
export interface SampleSet {
  readonly count: number;
  readonly features: FieldValues;
  readonly featureElements: number;
  readonly labels: Float32Array;
  readonly labelElements: number;
}

/** Which samples to fetch, `most` of them. None where nothing is held out. */
export function locateSamples(dataset: DatasetDescription, most: number = sampleBounds.samples): Stretch[] {
  const affordable = Math.max(1, Math.floor(sampleBounds.bytes / sampleBytes(dataset.fields)));
  let left = Math.min(dataset.evaluation.samples, most, affordable);
  const found: Stretch[] = [];
  for (const shard of dataset.evaluation.shards) {
    if (left <= 0) break;
    const samples = Math.min(left, dataset.shards[shard].samples);
    found.push({ shard, samples });
    left -= samples;
  }
  return found;
}

/**
 * Takes the located samples out of their shards.
 * @param bytes of each stretch's whole shard
 * @throws TabgradError DATA_SHARD_CORRUPT where a shard is not as long as it should be
 */
export function takeSamples(dataset: DatasetDescription, stretches: readonly Stretch[], bytes: readonly Uint8Array[]): SampleSet {
  const [featureElements, labelElements] = dataset.fields.map(fieldElements);
  const count = stretches.reduce((sum, { samples }) => sum + samples, 0);
  const features = emptyLike(dataset.fields[0].storage, count * featureElements);
  const labels = new Float32Array(count * labelElements);
  let row = 0;
  stretches.forEach(({ shard, samples }, i) => {
    const { values } = viewShard(dataset.fields, dataset.shards[shard].samples, bytes[i]);
    features.set(values[0].subarray(0, samples * featureElements), row * featureElements);
    labels.set(values[1].subarray(0, samples * labelElements), row * labelElements);
    row += samples;
  });
  return { count, features, featureElements, labels, labelElements };
}

function emptyLike(storage: DatasetDescription["fields"][number]["storage"], length: number): FieldValues {
  switch (storage) {
    case "uint8":
      return new Uint8Array(length);
    case "float32":
      return new Float32Array(length);
    case "int32":
      return new Int32Array(length);
    default:
      return storage satisfies never;
  }
}

/** The features of one sample. */
export const featuresOf = ({ features, featureElements }: SampleSet, sample: number): FieldValues =>
  features.subarray(sample * featureElements, (sample + 1) * featureElements);
