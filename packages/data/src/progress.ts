// What whoever waits for data is told.
import { TabgradError } from "@tabgrad/core";

export interface DataProgress {
  /** "fetch": over the network; "look": through all rows or text, for kinds, classes and tokens; "read": samples; "write": shards. */
  readonly activity: "fetch" | "look" | "read" | "write";
  /** The address that is fetched. */
  readonly address?: string;
  readonly done: number;
  /** Undefined where nobody knows. */
  readonly total: number | undefined;
  readonly unit: "bytes" | "samples";
  /** Why nothing happens at present: "the server answered 503; trying again in 4 s". */
  readonly note?: string;
}

export type OnProgress = (progress: DataProgress) => void;

/** @throws TabgradError INTERRUPTED where somebody wants this to end */
export function checkInterrupted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new TabgradError(
    "INTERRUPTED",
    "stopped while the data was read",
    "Start again: files that were fetched and shards that were written are kept.",
  );
}
