// What the page shows, as pure functions: what the Worker said, folded; and from that and the run's view, the scene.
import type { Activity, EngineKind, RunView } from "@tabgrad/core";
import type { Findings } from "./findings.ts";
import type { Failure, FromTab, TabEnd, TabStatus } from "./messages.ts";

/** Where a tab is between being opened and being done. */
export type Stage =
  | { readonly name: "outside" }
  /** The engine is being opened. */
  | { readonly name: "opening"; readonly engine: EngineKind }
  | { readonly name: "inside"; readonly status: TabStatus }
  /** `status`: the last one; undefined where it never joined. `at`: when, in milliseconds since 1970. */
  | { readonly name: "ended"; readonly end: TabEnd; readonly at: number; readonly status?: TabStatus };

export interface Tab {
  /** Undefined before the Worker has said anything. */
  readonly findings?: Findings;
  readonly stage: Stage;
}

export const newTab: Tab = { stage: { name: "outside" } };

/** The tab after one more message of the Worker's. `now`: milliseconds since 1970. */
export function heard(tab: Tab, message: FromTab, now: number): Tab {
  switch (message.type) {
    case "findings":
      return { ...tab, findings: message.findings };
    case "opening":
      return { ...tab, stage: { name: "opening", engine: message.engine } };
    case "status":
      return { ...tab, stage: { name: "inside", status: message.status } };
    case "ended": {
      const status = tab.stage.name === "inside" ? tab.stage.status : undefined;
      return { ...tab, stage: { name: "ended", end: message.end, at: now, status } };
    }
    default:
      return message satisfies never;
  }
}

export type SceneName =
  /** The preflight is running. */
  | "looking"
  | "ready"
  /** No engine can join from here. */
  | "barred"
  | "joining"
  | "waiting"
  | "computing"
  | "paused"
  /** The engine is made again. */
  | "rebuilding"
  /** The coordinator is lost; the tab keeps trying. */
  | "reconnecting"
  | "leaving"
  | "finished"
  | "left"
  | "failed";

export interface Scene {
  readonly name: SceneName;
  /** In words. */
  readonly headline: string;
  /** Why, where that helps. */
  readonly detail?: string;
  readonly failure?: Failure;
}

/** @param canJoin whether some engine may join; undefined while that is not known */
export function sceneOf({ stage }: Tab, view: RunView | undefined, canJoin: boolean | undefined): Scene {
  switch (stage.name) {
    case "outside":
      if (canJoin === undefined) return { name: "looking", headline: "Looking at this machine" };
      return canJoin ? { name: "ready", headline: "Ready to join" } : { name: "barred", headline: "This browser can't join" };
    case "opening":
      if (stage.engine === "gpu") return { name: "joining", headline: "Opening the GPU" };
      return { name: "joining", headline: "Loading the CPU engine", detail: "About 4 MB, once: the browser keeps it." };
    case "inside":
      return sceneInside(stage.status, view);
    case "ended":
      return sceneAfter(stage.end, view);
    default:
      return stage satisfies never;
  }
}

/** The words for what a worker does while it is part of a run. */
const doing = {
  waitingForAssignment: { name: "waiting", headline: "Waiting for work" },
  waitingForParameters: { name: "waiting", headline: "Waiting for the newest parameters" },
  loading: { name: "joining", headline: "Preparing the model" },
  fetching: { name: "computing", headline: "Fetching training data" },
  computing: { name: "computing", headline: "Computing gradients" },
  uploading: { name: "computing", headline: "Sending the gradient" },
  leaving: { name: "leaving", headline: "Leaving" },
  closed: { name: "leaving", headline: "Leaving" },
} as const satisfies Partial<Record<Activity, Scene>>;

function sceneInside({ activity, ids, wanted, trouble }: TabStatus, view: RunView | undefined): Scene {
  switch (activity) {
    case "connecting":
    case "greeting":
    case "backingOff":
      if (ids.length === 0) return { name: "joining", headline: "Connecting to the coordinator", failure: trouble };
      return {
        name: "reconnecting",
        headline: "The coordinator is out of reach",
        detail: "The tab keeps trying. Nothing is lost: what it was computing is done by others, or again.",
        failure: trouble,
      };
    case "paused":
      return { name: "paused", headline: "Paused", detail: "What you were computing went back. You stay in the run." };
    case "rebuilding":
      return {
        name: "rebuilding",
        headline: "Starting the engine again",
        detail: "The GPU was lost; the run goes on.",
        failure: trouble,
      };
    case "waitingForAssignment":
      return withBackground(waitingFor(view), wanted.state);
    default:
      return withBackground(doing[activity], wanted.state);
  }
}

function waitingFor(view: RunView | undefined): Scene {
  switch (view?.phase) {
    case "starting":
    case "waiting":
      return {
        ...doing.waitingForAssignment,
        headline: "Waiting for the run to begin",
        detail: "It begins when enough workers are here.",
      };
    case "paused":
      return { ...doing.waitingForAssignment, headline: "The run is paused", detail: "It was paused from the dashboard." };
    default:
      return doing.waitingForAssignment;
  }
}

const withBackground = (scene: Scene, wanted: TabStatus["wanted"]["state"]): Scene =>
  wanted === "background" ? { ...scene, detail: "In the background this tab is given less." } : scene;

function sceneAfter(end: TabEnd, view: RunView | undefined): Scene {
  switch (end.kind) {
    case "finished":
      return { name: "finished", headline: "Thank you", detail: ended(view, end.reason) };
    case "left":
      return {
        name: "left",
        headline: "You left the run",
        detail: "Nothing is lost: what you were computing went back to the others.",
      };
    case "failed":
      return { name: "failed", headline: "This tab could not go on", failure: end.failure };
    default:
      return end satisfies never;
  }
}

/** @param reason the coordinator's own */
function ended(view: RunView | undefined, reason: string): string {
  switch (view?.phase) {
    case "finished":
      return "The run is finished.";
    case "stopped":
      return "The run was stopped.";
    case "diverged":
      return "The run diverged: its loss is no number any more.";
    case "failed":
      return "The run failed.";
    default:
      return `The coordinator said goodbye: ${reason}`;
  }
}

/** The tab's title: what a person sees of a tab that they do not look at. */
export function titleOf({ name }: Scene, progress: number | undefined): string {
  const percent = progress === undefined ? "" : `${Math.floor(100 * progress)} %`;
  const words: Record<SceneName, string> = {
    looking: "Join",
    ready: "Join",
    barred: "Join",
    joining: "○ Joining",
    waiting: `○ ${percent || "Waiting"}`,
    computing: `● ${percent || "Computing"}`,
    paused: "❙❙ Paused",
    rebuilding: "○ Starting again",
    reconnecting: "○ Reconnecting",
    leaving: "Leaving",
    finished: "✓ Finished",
    left: "Left",
    failed: "✕ Failed",
  };
  return `${words[name]} · tabgrad`;
}
