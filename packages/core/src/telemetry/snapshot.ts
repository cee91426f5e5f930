// A view as it travels to a page that has just come: plain values that msgpackr can pack, and back.
import { packSeries, unpackSeries, type PackedSeries } from "./series.ts";
import type { RunView, WorkerView } from "./view.ts";

export interface PackedView extends Omit<RunView, "series" | "workers"> {
  readonly series: PackedSeries;
  readonly workers: readonly WorkerView[];
}

export const packView = (view: RunView): PackedView => ({
  ...view,
  series: packSeries(view.series),
  workers: [...view.workers.values()],
});

export const unpackView = (packed: PackedView): RunView => ({
  ...packed,
  series: unpackSeries(packed.series),
  workers: new Map(packed.workers.map((worker) => [worker.id, worker])),
});
