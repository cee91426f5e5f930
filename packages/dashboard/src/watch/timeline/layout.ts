// Where the segments of the timeline lie on the coordinator's clock. What is known of a contribution: when it was there, by that clock
// (`endedAt`), and how long each part took, by the worker's own. So a contribution is laid backwards from its end:
//
//   wait | fetch | compute | upload → endedAt
//
// A worker reports an upload's length only with its *next* contribution, so that is where it is looked up; of a worker's newest
// contribution the upload before stands in, and the segment is an estimate. A worker waits for its next assignment from the moment it
// has computed, while its upload is still on the way: wait and upload overlap, and the upload is drawn over the wait.
import type { TimedStep, WorkerTimings } from "@tabgrad/core";

export type Part = "wait" | "fetch" | "compute" | "upload";
/** In the order in which they are drawn. */
export const parts = ["wait", "fetch", "compute", "upload"] as const satisfies readonly Part[];

export interface Bar {
  readonly step: number;
  readonly samples: number;
  readonly timings: WorkerTimings;
  /** Of this contribution's own upload. */
  readonly uploadMs: number;
  /** The upload before stands in. */
  readonly estimated: boolean;
  /** From, to, in milliseconds since 1970, on the coordinator's clock. */
  readonly spans: Readonly<Record<Part, readonly [from: number, to: number]>>;
  readonly endedAt: number;
  /** The last of its step, where others had to wait for it: by how many milliseconds. */
  readonly lateMs: number;
}

export interface Lane {
  readonly worker: string;
  readonly name: string;
  /** Oldest first. */
  readonly bars: readonly Bar[];
}

export interface Timeline {
  readonly lanes: readonly Lane[];
  /** When each step was taken. */
  readonly boundaries: readonly { readonly step: number; readonly time: number }[];
  readonly from: number;
  readonly to: number;
}

/** @param steps oldest first @param order worker ids, whose lanes come in this order and are there even when empty */
export function layTimeline(
  steps: readonly TimedStep[],
  order: readonly { readonly id: string; readonly name: string }[],
): Timeline | undefined {
  if (steps.length === 0) return undefined;
  const lanes = new Map(order.map(({ id, name }) => [id, { worker: id, name, bars: [] as Bar[] }]));
  // Backwards, so that a worker's next contribution is known when one is laid.
  const nextUpload = new Map<string, number>();
  for (const step of [...steps].reverse()) {
    const late = lateness(step);
    for (const share of [...step.shares].sort((a, b) => b.endedAt - a.endedAt)) {
      const lane = lanes.get(share.id) ?? { worker: share.id, name: share.name, bars: [] };
      lanes.set(share.id, lane);
      const uploadMs = nextUpload.get(share.id);
      lane.bars.unshift({
        step: step.step,
        samples: share.samples,
        timings: share.timings,
        uploadMs: uploadMs ?? share.timings.uploadMs,
        estimated: uploadMs === undefined,
        spans: spansOf(share.endedAt, share.timings, uploadMs ?? share.timings.uploadMs),
        endedAt: share.endedAt,
        lateMs: late?.share === share ? late.byMs : 0,
      });
      nextUpload.set(share.id, share.timings.uploadMs);
    }
  }
  // Those who have left come after those who are here, in the order in which they came.
  const here = order.map(({ id }) => lanes.get(id)!);
  const gone = [...lanes.values()].slice(order.length).sort((a, b) => joinedAs(a) - joinedAs(b));
  const all = [...here, ...gone];
  const boundaries = steps.map(({ step, time }) => ({ step, time }));
  return { lanes: all, boundaries, ...window(steps, all) };
}

/** "w3" is the third that joined. */
const joinedAs = ({ worker }: Lane): number => Number(worker.slice(1));

function spansOf(endedAt: number, { waitMs, fetchMs, computeMs }: WorkerTimings, uploadMs: number): Bar["spans"] {
  const uploading = endedAt - uploadMs;
  const computing = uploading - computeMs;
  const fetching = computing - fetchMs;
  return {
    wait: [fetching - waitMs, fetching],
    fetch: [fetching, computing],
    compute: [computing, uploading],
    upload: [uploading, endedAt],
  };
}

/** Who was last in a step, and how long after the one before, where more than one worker took part. */
function lateness({ shares }: TimedStep): { readonly share: TimedStep["shares"][number]; readonly byMs: number } | undefined {
  const ordered = [...shares].sort((a, b) => b.endedAt - a.endedAt);
  const other = ordered.find(({ id }) => id !== ordered[0].id);
  if (!other) return undefined;
  const byMs = ordered[0].endedAt - other.endedAt;
  return byMs > 0 ? { share: ordered[0], byMs } : undefined;
}

/** From where the oldest step began, which is where the one before it ended if that is known, to where the newest ended. */
function window(steps: readonly TimedStep[], lanes: readonly Lane[]): { readonly from: number; readonly to: number } {
  const to = Math.max(...steps.map(({ time }) => time), ...lanes.flatMap(({ bars }) => bars.map(({ endedAt }) => endedAt)));
  if (steps.length > 1) return { from: Math.min(steps[0].time, to - 1), to };
  const began = lanes.flatMap(({ bars }) => bars.map(({ spans }) => spans.fetch[0]));
  return { from: Math.min(to - 1, ...began), to };
}

/** The bar at a time of a lane; where one is uploaded while the next one waits, the upload, which is what is seen. */
export const barAt = ({ bars }: Lane, time: number): Bar | undefined =>
  bars.find(({ spans, endedAt }) => time >= spans.fetch[0] && time <= endedAt) ??
  bars.find(({ spans }) => time >= spans.wait[0] && time <= spans.wait[1]);
