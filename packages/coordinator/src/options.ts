// What a coordinator is started with, and what whoever started it holds.
import type { DoneEvent, Links, ResolvedRun, TelemetryEvent } from "@tabgrad/core";
import type { Dataset } from "@tabgrad/data";
import type { Resumption } from "./resume/index.ts";
import type { TlsPair } from "./rim/port.ts";

/** Unless somebody wants more or fewer. */
export const checkpointsKept = 3;

export interface CoordinatorOptions {
  /** What people call the run: the run file's name. */
  readonly name: string;
  readonly run: ResolvedRun;
  /** What relative paths in the run file are relative to. */
  readonly baseDirectory: string;
  /** The flat parameter vector to begin with, or to go on with. */
  readonly initial: Float32Array;
  readonly dataset: Dataset;
  /** Where checkpoints and the journal go; made if it is not there. */
  readonly directory: string;
  /** Go on from here, in the same folder and as the same run. */
  readonly resumption?: Resumption;
  /** How many of the newest checkpoints to keep. Default: 3. */
  readonly keep?: number;
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The port speaks https beside http. */
  readonly tls?: TlsPair;
  /** Where that pair lies, if somebody chose it: noted, so that the run can go on with it. */
  readonly tlsFiles?: { readonly cert: string; readonly key: string };
  /** A folder with the built web pages. Without it there are none. */
  readonly pages?: string;
  /** Whoever knows it may control the run. Without it nobody can. */
  readonly controlToken?: string;
  /** Go on serving pages and shards when the run is over, until `close`. */
  readonly stay?: boolean;
  /** Workers to wait for before the first step. */
  readonly startWorkers: number;
  /** Workers below which no step is opened. */
  readonly minWorkers: number;
  /** Version of the software, for the manifest. */
  readonly software: string;
  readonly onEvent: (event: TelemetryEvent) => void;
  /** Something that does not end the run but should be known. */
  readonly onWarning: (message: string) => void;
}

export interface RunningCoordinator {
  /** http://HOST:PORT, as a worker on this machine reaches it. */
  readonly url: string;
  readonly port: number;
  readonly links: Links;
  /** When the run is over and, unless it was told to stay, everything is closed. Rejects with a TabgradError where the last checkpoint can't be written. */
  readonly done: Promise<DoneEvent>;
  /** Ends the run after the newest step, with a checkpoint. */
  stop(why: string): void;
  /** Closes what is still served; for a run that was told to stay. */
  close(): Promise<void>;
}
