// A run as somebody sees it who watches: a fold over its events. The coordinator folds, and so does every page, over the same events
// in the same order; a page that comes later begins with the coordinator's view. So what a page shows can't disagree with the run.
import type {
  DoneEvent,
  EvaluationEvent,
  StartEvent,
  StepEvent,
  Tables,
  Vitals,
  WatchedEvent,
  WorkerAvailability,
} from "./events.ts";
import type { Reason } from "./reasons.ts";
import { Series } from "./series.ts";

export type ViewPhase = "starting" | "waiting" | "running" | "paused" | DoneEvent["outcome"];

/** A worker that is there. */
export interface WorkerView {
  readonly id: string;
  readonly name: string;
  /** "node", "tab", or another host's name. */
  readonly host: string;
  readonly engine: string;
  readonly device: string;
  readonly joinedAt: number;
  readonly availability: WorkerAvailability;
  /** Why it is not available. */
  readonly why: string;
  /** Samples so far, and its part of them in the newest step, 0 to 1. */
  readonly samples: number;
  readonly share: number;
  /** Samples a second of its own over the newest steps; 0 before its first. */
  readonly samplesPerSecond: number;
  readonly vitals?: Vitals;
}

export interface DepartedWorker extends WorkerView {
  readonly leftAt: number;
  readonly leftWhy: string;
}

export interface NotedDecision {
  readonly time: number;
  readonly step: number;
  readonly reason: Reason;
}

/** An evaluation and when it was. */
export type TimedEvaluation = EvaluationEvent & { readonly time: number };
/** A step with all its shares, and when it was taken, for the timeline. */
export type TimedStep = StepEvent & { readonly time: number };

export interface NotedCheckpoint {
  readonly time: number;
  readonly step: number;
  readonly path: string;
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface RunView {
  readonly phase: ViewPhase;
  /** Undefined before anything happened. */
  readonly start?: StartEvent;
  readonly startedAt: number;
  /** When its first step was begun; undefined while it still waits for workers. */
  readonly runningSince?: number;
  /** Steps taken. */
  readonly step: number;
  readonly epoch: number;
  /** The newest step, without its shares being of interest. */
  readonly newest?: TimedStep;
  /**
   * Of the steps since `start.step`: how many there were, and how many of them had their gradient clipped. What was undone by a restart does
   * not count, and so nothing from before it does.
   */
  readonly clipping: { readonly steps: number; readonly clipped: number };
  /** Every step, thinned out. The same object all the time: it grows. */
  readonly series: Series;
  /** The newest last. */
  readonly evaluations: readonly TimedEvaluation[];
  /** Of the newest evaluation: metrics that are more than one number, by rows. */
  readonly tables?: Tables;
  readonly workers: ReadonlyMap<string, WorkerView>;
  /** The newest last. */
  readonly departed: readonly DepartedWorker[];
  /** The last steps, the newest last. */
  readonly timeline: readonly TimedStep[];
  readonly decisions: readonly NotedDecision[];
  /** The newest last. */
  readonly checkpoints: readonly NotedCheckpoint[];
  readonly done?: DoneEvent;
}

/** What a view keeps; whatever is older is forgotten, or thinned out. */
export const viewBounds = {
  evaluations: 512,
  departed: 64,
  /** Steps; fewer where they have more contributions than that, but two in any case. */
  timeline: 32,
  contributions: 2048,
  decisions: 256,
  checkpoints: 64,
} as const;

export function initialView(): RunView {
  return {
    phase: "starting",
    startedAt: 0,
    step: 0,
    epoch: 0,
    clipping: { steps: 0, clipped: 0 },
    series: new Series(),
    evaluations: [],
    workers: new Map(),
    departed: [],
    timeline: [],
    decisions: [],
    checkpoints: [],
  };
}

/**
 * The view after one more event. The view before must not be used any more: its series has grown, too.
 * @param time when the event was, in milliseconds since 1970
 */
export function follow(view: RunView, time: number, event: WatchedEvent): RunView {
  switch (event.event) {
    case "start":
      return view.start?.runId === event.runId ? resumed(view, time, event) : begun(time, event);
    case "step":
      return followSteps(view, [{ time, event }]);
    case "eval": {
      const { tables, ...evaluation } = event;
      const evaluations = thinned([...view.evaluations, { ...evaluation, time }]);
      return { ...view, evaluations, ...(tables && { tables }) };
    }
    case "worker":
      return event.state === "joined" ? joined(view, time, event) : left(view, time, event.id, event.why ?? "");
    case "availability":
      return changed(view, event.id, { availability: event.availability, why: event.why });
    case "decision":
      return decided(view, { time, step: event.step, reason: event.reason });
    case "checkpoint": {
      const { step, path, bytes, milliseconds } = event;
      const checkpoints = newestOf([...view.checkpoints, { time, step, path, bytes, milliseconds }], viewBounds.checkpoints);
      return { ...view, checkpoints };
    }
    case "done":
      return { ...view, phase: event.outcome, step: event.step, done: event };
    case "vitals":
      return event.workers.reduce((next, vitals) => changed(next, vitals.id, { vitals }), view);
    default:
      return event satisfies never;
  }
}

const begun = (time: number, start: StartEvent): RunView => ({
  ...initialView(),
  phase: "waiting",
  start,
  startedAt: time,
  step: start.step,
});

/** The coordinator was started again: what came after the checkpoint that it goes on from did not happen, and its workers are gone. */
function resumed(view: RunView, time: number, start: StartEvent): RunView {
  const { step, stepsPerEpoch } = start;
  view.series.forgetAfter(step);
  const timeline = view.timeline.filter((one) => one.step <= step);
  const gone = [...view.workers.values()].map((worker) => ({
    ...worker,
    leftAt: time,
    leftWhy: "the coordinator was started again",
  }));
  return {
    ...view,
    phase: "waiting",
    start,
    step,
    epoch: step === 0 ? 0 : Math.floor((step - 1) / stepsPerEpoch) + 1,
    newest: timeline.at(-1),
    clipping: { steps: 0, clipped: 0 },
    evaluations: view.evaluations.filter((one) => one.step <= step),
    workers: new Map(),
    departed: newestOf([...view.departed, ...gone], viewBounds.departed),
    timeline,
    checkpoints: view.checkpoints.filter((one) => one.step <= step),
    done: undefined,
  };
}

/** The same as `follow` for one step after another, in less time. At least one. */
export function followSteps(view: RunView, steps: readonly { readonly time: number; readonly event: StepEvent }[]): RunView {
  for (const { time, event } of steps) {
    const { step, loss, gradientNorm, learningRate, samplesPerSecond } = event;
    view.series.append({ step, time, loss, gradientNorm, learningRate, samplesPerSecond });
  }
  const timed = steps.map(({ time, event }): TimedStep => ({ ...event, time }));
  const timeline = timelineAfter(view.timeline, timed);
  const newest = timed[timed.length - 1];
  const { step, epoch } = newest;
  const clipping = {
    steps: view.clipping.steps + steps.length,
    clipped: view.clipping.clipped + steps.filter(({ event }) => event.clipped).length,
  };
  return { ...view, step, epoch, newest, clipping, timeline, workers: contributed(view.workers, timed, timeline) };
}

/** What is kept does not depend on how many steps are added at a time. */
function timelineAfter(before: readonly TimedStep[], added: readonly TimedStep[]): readonly TimedStep[] {
  const all = [...before, ...added];
  let first = 0;
  let contributions = before.reduce((sum, { shares }) => sum + shares.length, 0);
  for (let last = before.length; last < all.length; last++) {
    contributions += all[last].shares.length;
    while (last - first >= viewBounds.timeline || (contributions > viewBounds.contributions && first < last - 1))
      contributions -= all[first++].shares.length;
  }
  return all.slice(first);
}

/** What each worker did in these steps, its share of the last one, and its speed over the steps of the timeline. */
function contributed(workers: RunView["workers"], steps: readonly TimedStep[], timeline: readonly TimedStep[]): RunView["workers"] {
  const newest = steps[steps.length - 1];
  const [total, done, recent] = [samplesByWorker(steps), samplesByWorker([newest]), samplesByWorker(timeline.slice(1))];
  const seconds = (timeline[timeline.length - 1].time - timeline[0].time) / 1000;
  return new Map(
    [...workers].map(([id, worker]) => {
      const own = done.get(id) ?? 0;
      const samplesPerSecond = seconds > 0 ? (recent.get(id) ?? 0) / seconds : 0;
      const all = worker.samples + (total.get(id) ?? 0);
      return [id, { ...worker, samples: all, share: own / newest.samples, samplesPerSecond }];
    }),
  );
}

function samplesByWorker(steps: readonly TimedStep[]): Map<string, number> {
  const samples = new Map<string, number>();
  for (const { shares } of steps) for (const share of shares) samples.set(share.id, (samples.get(share.id) ?? 0) + share.samples);
  return samples;
}

function joined(view: RunView, time: number, event: Extract<WatchedEvent, { event: "worker" }>): RunView {
  const { id, name, host, engine, device } = event;
  const worker: WorkerView = {
    id,
    name,
    host,
    engine,
    device,
    joinedAt: time,
    availability: "available",
    why: "",
    samples: 0,
    share: 0,
    samplesPerSecond: 0,
  };
  return { ...view, workers: new Map(view.workers).set(id, worker) };
}

function left(view: RunView, time: number, id: string, why: string): RunView {
  const worker = view.workers.get(id);
  if (!worker) return view;
  const workers = new Map(view.workers);
  workers.delete(id);
  const departed = newestOf([...view.departed, { ...worker, leftAt: time, leftWhy: why }], viewBounds.departed);
  return { ...view, workers, departed };
}

function changed(view: RunView, id: string, change: Partial<WorkerView>): RunView {
  const worker = view.workers.get(id);
  return worker ? { ...view, workers: new Map(view.workers).set(id, { ...worker, ...change }) } : view;
}

function decided(view: RunView, decision: NotedDecision): RunView {
  const decisions = newestOf([...view.decisions, decision], viewBounds.decisions);
  const { kind } = decision.reason;
  const phase = kind === "waiting" || kind === "running" || kind === "paused" ? kind : view.phase;
  const begins = kind === "running" && view.runningSince === undefined;
  return { ...view, decisions, phase, ...(begins && { runningSince: decision.time }) };
}

const newestOf = <T>(items: readonly T[], count: number): readonly T[] => (items.length > count ? items.slice(-count) : items);

/** Every second one of a list that is too long; the newest stays. */
function thinned<T>(items: readonly T[]): readonly T[] {
  if (items.length <= viewBounds.evaluations) return items;
  return items.filter((_, i) => i % 2 === (items.length - 1) % 2);
}
