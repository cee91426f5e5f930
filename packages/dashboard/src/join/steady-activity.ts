// What a worker is doing, as a person can read it: of the turns within a step, which may take milliseconds, computing is what counts.
import type { Activity } from "@tabgrad/core";

/** So long a computation is still what the worker does. */
export const steadyMs = 1500;

/** What comes and goes within a step. */
const passing: ReadonlySet<Activity> = new Set(["waitingForAssignment", "waitingForParameters", "fetching", "uploading"]);

export class SteadyActivity {
  #current: Activity = "connecting";
  #computedAt = -Infinity;

  /** `now`: milliseconds of any steady clock. */
  note(activity: Activity, now: number): void {
    if (this.#current === "computing" || activity === "computing") this.#computedAt = now;
    this.#current = activity;
  }

  shown(now: number): Activity {
    return passing.has(this.#current) && now - this.#computedAt < steadyMs ? "computing" : this.#current;
  }
}
