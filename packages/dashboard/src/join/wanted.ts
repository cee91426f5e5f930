// How much of this tab the run may have: a person's wish first, then whether anybody looks at the tab.
import type { Readiness } from "@tabgrad/core";

export function wantedOf({ paused, hidden }: { readonly paused: boolean; readonly hidden: boolean }): Readiness {
  if (paused) return { state: "paused", reason: "paused by its user" };
  if (hidden) return { state: "background", reason: "the tab is hidden" };
  return { state: "available", reason: "" };
}
