// What the join page and its Worker say to each other: one union each way. Everything in it survives a structured clone.
import { type Activity, type EngineKind, type ErrorCode, type Readiness, TabgradError } from "@tabgrad/core";
import type { Findings } from "./findings.ts";

/** A failure, as far as it survives the way between threads. */
export interface Failure {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** The worker's part in a run, as its session sees it. */
export interface TabStatus {
  readonly engine: EngineKind;
  /** For people: what the engine runs on. */
  readonly device: string;
  /** What it is doing: a computation of the last second and a half counts, so that the word does not flicker with every step. */
  readonly activity: Activity;
  /** What the present run calls this worker, one name for each of its connections, the newest last; empty before the first welcome. */
  readonly ids: readonly string[];
  readonly wanted: Readiness;
  /** Through sockets and for shards, since it joined. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** When it asked to join, in milliseconds since 1970. */
  readonly since: number;
  /** What went wrong and is being mended. */
  readonly trouble?: Failure;
}

/** How it ended, or why it never began. */
export type TabEnd =
  | { readonly kind: "finished"; readonly reason: string }
  | { readonly kind: "left"; readonly reason: string }
  | { readonly kind: "failed"; readonly failure: Failure };

/** From the page. */
export type ToTab =
  /** Looks at what is here, anew. */
  | { readonly type: "look" }
  | { readonly type: "join"; readonly engine: EngineKind; readonly name: string }
  /** How much of a share it is to get. Holds for later runs, too. */
  | { readonly type: "availability"; readonly wanted: Readiness }
  | { readonly type: "leave"; readonly reason: string };

/** To the page. */
export type FromTab =
  | { readonly type: "findings"; readonly findings: Findings }
  | { readonly type: "opening"; readonly engine: EngineKind }
  | { readonly type: "status"; readonly status: TabStatus }
  | { readonly type: "ended"; readonly end: TabEnd };

export function failureOf(error: unknown): Failure {
  if (error instanceof TabgradError) return { code: error.code, message: error.message, remedy: error.remedy };
  const message = error instanceof Error ? error.message : String(error);
  return { message, remedy: "Reload the page. If it happens again, this is a defect: please report it." };
}
