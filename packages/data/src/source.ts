// What a reader gives, whatever the format: samples in memory, before they are shuffled, split and cut into shards.
import type { Field, FieldValues, HeldOut, LabelDescription, Normalisation } from "@tabgrad/core";

/** Samples as columns. */
export interface Samples {
  readonly count: number;
  /** One array for each field, row-major over all samples, of the kind that the field is stored as. */
  readonly columns: readonly FieldValues[];
}

export interface DataSource {
  /** The features field, then the labels field. */
  readonly fields: readonly Field[];
  readonly train: Samples;
  /** Samples of their own to evaluate on, or the share of `train` to hold out. */
  readonly test: Samples | HeldOut;
  readonly labels: LabelDescription;
  readonly featureNames?: readonly string[];
  readonly normalise: {
    readonly method: Normalisation;
    /** One flag for each feature, true where it is scaled on its own; absent where all features are scaled alike. */
    readonly columns?: readonly boolean[];
  };
}
