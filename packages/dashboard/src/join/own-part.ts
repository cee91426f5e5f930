// This tab's part in the run, from the run's view: as everybody sees it.
import type { RunView, WorkerTimings, WorkerView } from "@tabgrad/core";

/** What it did in one of the last steps. */
export interface OwnStep {
  readonly step: number;
  readonly samples: number;
  readonly timings: WorkerTimings;
}

export interface OwnPart {
  /** Undefined where the run does not know this tab (any more). */
  readonly worker?: WorkerView;
  /** That counted, on all its connections. */
  readonly samples: number;
  /** The last steps in which it had a part, the newest last. */
  readonly steps: readonly OwnStep[];
}

/** @param ids what the coordinator called this tab, the newest last */
export function ownPart(view: RunView, ids: readonly string[]): OwnPart {
  const own = new Set(ids);
  const known = [...view.workers.values(), ...view.departed].filter(({ id }) => own.has(id));
  return {
    worker: view.workers.get(ids.at(-1) ?? ""),
    samples: known.reduce((total, { samples }) => total + samples, 0),
    steps: view.timeline.flatMap(({ step, shares }) => {
      const mine = shares.filter(({ id }) => own.has(id));
      if (mine.length === 0) return [];
      const sum = (part: (share: (typeof mine)[number]) => number): number => mine.reduce((total, share) => total + part(share), 0);
      const timings = {
        waitMs: sum(({ timings }) => timings.waitMs),
        fetchMs: sum(({ timings }) => timings.fetchMs),
        computeMs: sum(({ timings }) => timings.computeMs),
        uploadMs: sum(({ timings }) => timings.uploadMs),
      };
      return [{ step, samples: sum(({ samples }) => samples), timings }];
    }),
  };
}

/** Mean loss of the last steps: one of them alone jumps about. Undefined before the first. */
export function recentLoss({ timeline }: RunView): number | undefined {
  if (timeline.length === 0) return undefined;
  return timeline.reduce((total, { loss }) => total + loss, 0) / timeline.length;
}

/** Steps taken of all there will be, 0 to 1; undefined before the run is known. */
export const progressOf = ({ start, step }: RunView): number | undefined => start && step / start.steps;
