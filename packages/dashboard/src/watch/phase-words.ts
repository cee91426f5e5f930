// What each phase of a run is called, how it looks, and what a person may do about it.
import type { ViewPhase } from "@tabgrad/core";
import type { FeedState } from "../shared/feed.ts";

export type Tone = "" | "live" | "warn" | "bad";

export interface PhaseWords {
  readonly label: string;
  readonly tone: Tone;
}

/** For the pill. */
export function phaseWords(phase: ViewPhase | undefined): PhaseWords {
  switch (phase) {
    case undefined:
      return { label: "connecting", tone: "" };
    case "starting":
      return { label: "starting", tone: "" };
    case "waiting":
      return { label: "waiting for workers", tone: "warn" };
    case "running":
      return { label: "running", tone: "live" };
    case "paused":
      return { label: "paused", tone: "warn" };
    case "finished":
      return { label: "finished", tone: "live" };
    case "stopped":
      return { label: "stopped", tone: "" };
    case "diverged":
      return { label: "diverged", tone: "bad" };
    case "failed":
      return { label: "failed", tone: "bad" };
    default:
      return phase satisfies never;
  }
}

/** Instead, while the coordinator is gone: how the run is nobody knows. */
export const outOfReach: PhaseWords = { label: "out of reach", tone: "bad" };

/** Whether the run is at its end. */
export const isOver = (phase: ViewPhase | undefined): boolean =>
  phase === "finished" || phase === "stopped" || phase === "diverged" || phase === "failed";

/** What the connection is like, for people. */
export function connectionWords(state: FeedState, over: boolean): string {
  switch (state) {
    case "connecting":
      return "connecting";
    case "lost":
      return "trying again";
    case "open":
      return over ? "the run is over" : "live";
    default:
      return state satisfies never;
  }
}
