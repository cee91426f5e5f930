// What everybody must know of a dataset before the first sample is read: layout, normalisation, labels, shards and the split.
import type { Field, ShardInfo } from "./layout.ts";
import type { TextDescription } from "./text.ts";

/** The field and graph input with the features of a sample. */
export const featuresField = "features";
/** The field and graph input with the label of a sample. */
export const labelsField = "labels";

/**
 * The features, and how the model normalises them: x * scale + shift, where `scale` and `shift` are one number each, or one number for
 * each value of `shape`, row-major. Shards hold x itself. The model's graph does the arithmetic, so that whoever has the model can
 * feed it raw values.
 */
export interface FeatureDescription {
  readonly shape: readonly number[];
  readonly scale: number | readonly number[];
  readonly shift: number | readonly number[];
  /** One name for each value of `shape`, where the dataset has names ("age", "colour=red"). */
  readonly names?: readonly string[];
}

/**
 * The labels of a sample: class indices from 0 to `count` - 1, of shape `shape`, or values to come close to, of shape `shape`. Without
 * a shape, a sample has one class (shape []); with [T], one for each of its T positions, such as the next token.
 */
export type LabelDescription =
  | { readonly kind: "classes"; readonly count: number; readonly shape?: readonly number[]; readonly names?: readonly string[] }
  | { readonly kind: "values"; readonly shape: readonly number[]; readonly names?: readonly string[] };

/** The shape of a sample's labels. */
export const labelShape = ({ shape = [] }: LabelDescription): readonly number[] => shape;

/** The samples for one use. */
export interface Split {
  readonly samples: number;
  /** Indices into the dataset's list of shards, in order. No shard belongs to two splits. */
  readonly shards: readonly number[];
}

export interface DatasetDescription {
  /** The layout of a sample: `featuresField`, then `labelsField`. */
  readonly fields: readonly Field[];
  readonly features: FeatureDescription;
  readonly labels: LabelDescription;
  /** The tokens, where samples are sequences of a text. */
  readonly text?: TextDescription;
  /** All shards. A `Slice` names a shard by its index here. */
  readonly shards: readonly ShardInfo[];
  readonly train: Split;
  /** Held out: never trained on. May have no samples, if the run file says so. */
  readonly evaluation: Split;
}
