// What the panel and its Worker say to each other.
import type { DatasetDescription, Reading } from "@tabgrad/core";
import type { Assessment } from "./assess.ts";
import type { ImageShape, ValueRange } from "./image.ts";
import type { Drawing } from "./pad-image.ts";
import type { SampleSet } from "./samples.ts";

/** What somebody wants to know of the model beside the samples. */
export type Question =
  { readonly kind: "drawing"; readonly drawing: Drawing } | { readonly kind: "sample"; readonly sample: number };

export type ToPredictor =
  /** How the run stands, and whether anybody looks. */
  | {
      readonly kind: "follow";
      readonly visible: boolean;
      /** Whether the coordinator can be reached, as far as the page knows. */
      readonly reachable: boolean;
      readonly runStep: number;
      readonly over: boolean;
    }
  /** Only the newest question is answered. */
  | { readonly kind: "ask"; readonly question: Question };

/** The samples, and how to show them. */
export interface Opened {
  readonly dataset: Pick<DatasetDescription, "features" | "labels">;
  /** Classes that a sample has, one for each of its positions; the page shows samples of one class (or of values) only. */
  readonly classesOfSample: number;
  readonly reading: Reading;
  /** How many samples are held out; `samples` may be the first of them. */
  readonly heldOut: number;
  readonly samples: SampleSet;
  readonly image?: ImageShape;
  readonly range: ValueRange;
  /** Absent where nothing can be drawn. `centred`: before the model sees it; `light`: dark ink on light paper. */
  readonly pad?: { readonly centred: boolean; readonly light: boolean };
  /** Who computes: for people. */
  readonly device: string;
}

/** The answer to a question. */
export interface Reply {
  readonly question: Question["kind"];
  /** Steps behind the parameters. */
  readonly version: number;
  /** Classes: the score of each. Values: the values. */
  readonly scores: Float64Array;
  /** What the model was shown, [height, width]. */
  readonly seen: Float32Array;
}

export type FromPredictor =
  | { readonly kind: "opened"; readonly opened: Opened }
  /** Parameters are there. */
  | { readonly kind: "parameters"; readonly version: number }
  | { readonly kind: "assessed"; readonly version: number; readonly assessment: Assessment; readonly milliseconds: number }
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Something could not be fetched, or is not as it should be; it is tried again while somebody looks. */
  | { readonly kind: "problem"; readonly message: string };
