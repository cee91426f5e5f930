// The contract between a coordinator and the pages that watch it: one WebSocket a page, binary msgpackr records (`useRecords: false`)
// both ways. What a page asks for is checked, what it is sent follows the run.
import type { DatasetDescription } from "../data/description.ts";
import type { ErrorCode } from "../errors.ts";
import type { WatchedEvent } from "./events.ts";
import type { PackedView } from "./snapshot.ts";

export const watchPath = "/watch";
export const watchSubprotocol = "tabgrad.watch.v1";
/** Answers a `RunDocument`. */
export const runDocumentPath = "/run.json";
/**
 * Answers the newest parameters: the flat vector, float32 little-endian. A copy is made at most once a second, and only when somebody
 * asks.
 */
export const parametersPath = "/parameters";
/** The header of that answer with the number of steps behind the parameters. */
export const versionHeader = "x-tabgrad-version";

/** What a page needs to ask the model itself: the model, and where the held-out samples are. Stays the same while a run lasts. */
export interface RunDocument {
  readonly runId: string;
  readonly name: string;
  /** The forward graph as JSON (docs/graph.md). */
  readonly graph: string;
  readonly dataset: DatasetDescription;
}

/** Addresses of a run, this machine's own first, then one for each of its addresses in the local network. */
export interface Links {
  readonly watch: readonly string[];
  readonly join: readonly string[];
  /** What `tabgrad worker` is given. */
  readonly worker: readonly string[];
}

/** Values counted in bins of equal width over [least, most]. */
export interface Histogram {
  readonly least: number;
  readonly most: number;
  readonly counts: readonly number[];
  /** Over the same values. */
  readonly mean: number;
  readonly deviation: number;
}

/** One parameter tensor, and the mean gradient of the newest step. Of a large tensor, values at equal distances are counted. */
export interface TensorHistograms {
  readonly name: string;
  readonly shape: readonly number[];
  readonly weights: Histogram;
  readonly gradients: Histogram;
}

/** To a page. */
export type WatchRecord =
  /** The first record, and again where a page did not read fast enough: forget everything, this is the run now. */
  | {
      readonly kind: "snapshot";
      readonly view: PackedView;
      readonly links: Links;
      /** The coordinator's clock, in milliseconds since 1970. */
      readonly time: number;
    }
  /** Whether this page may control the run, and why not: the answer to `hello`. */
  | { readonly kind: "control"; readonly granted: boolean; readonly why?: string }
  /** What happened since the record before, in order, each with its time. */
  | { readonly kind: "events"; readonly events: readonly (readonly [time: number, event: WatchedEvent])[] }
  | { readonly kind: "histograms"; readonly step: number; readonly tensors: readonly TensorHistograms[] }
  /** The answer to a `control` request; no error where it was done. */
  | { readonly kind: "answer"; readonly id: number; readonly error?: WatchError };

/** Why something that a page asked for was not done. */
export interface WatchError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** Bytes of the largest request. */
export const watchRequestBytes = 4096;
