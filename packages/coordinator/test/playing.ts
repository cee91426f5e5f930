// Workers of any speed under a virtual clock: steady ones, and ones that stand still for most of every period.
import { nextWake } from "../src/decide/index.ts";
import type { Simulation } from "./simulation.ts";

export interface SimulatedSpeed {
  /** Milliseconds of computing for a microbatch. */
  readonly perMicrobatch: number;
  /** Milliseconds for parameters down and gradient up, half for each. Others are computed meanwhile. */
  readonly overhead?: number;
  /** It runs for the first `run` of every `period` milliseconds, and reads, computes and sends nothing for the rest. */
  readonly duty?: { readonly run: number; readonly period: number };
  /** What it has not got through by then is lost; later, the coordinator knows of that. */
  readonly dies?: { readonly at: number; readonly noticedAt: number };
}

/** When a worker that begins at `began` has run for so many milliseconds. */
function endOf(began: number, milliseconds: number, duty: SimulatedSpeed["duty"]): number {
  if (!duty) return began + milliseconds;
  const { run, period } = duty;
  const periods = Math.floor(began / period);
  const ran = Math.min(began - periods * period, run);
  const whole = Math.ceil((ran + milliseconds) / run) - 1;
  return (periods + whole) * period + (ran + milliseconds - whole * run);
}

interface Computation {
  readonly assignment: number;
  readonly computeMs: number;
  /** When it is computed, and when the coordinator has it. */
  readonly end: number;
  readonly arrival: number;
}

/** Plays the workers, by name, until the run is over or it is `until`. */
export function play(run: Simulation, speeds: Readonly<Record<string, SimulatedSpeed>>, until = Infinity): void {
  const sentAt = new Map<number, number>();
  const freeAt = new Map<string, number>();
  /** What each worker computes: it goes on with it when it is recalled, and says nothing then. */
  const computing = new Map<string, Computation>();
  const uploads: { worker: string; computation: Computation }[] = [];
  const begin = (): void => {
    for (const { worker, assignment, microbatches } of run.sent) {
      if (!sentAt.has(assignment)) sentAt.set(assignment, run.now);
      const isUnderWay = uploads.some(({ computation }) => computation.assignment === assignment);
      if (computing.has(worker) || isUnderWay) continue;
      const { perMicrobatch, overhead = 0, duty, dies } = speeds[worker];
      const living = (at: number): number => (dies && at > dies.at ? Infinity : at);
      const began = Math.max(endOf(sentAt.get(assignment)!, overhead / 2, duty), freeAt.get(worker) ?? 0);
      const end = endOf(began, microbatches.length * perMicrobatch, duty);
      freeAt.set(worker, end);
      const arrival = living(endOf(end, overhead / 2, duty));
      computing.set(worker, { assignment, computeMs: end - began, end: living(end), arrival });
    }
  };
  while (!run.outcome) {
    begin();
    const [[worker, next] = []] = [...computing].sort(([, a], [, b]) => a.end - b.end);
    const [upload] = uploads.sort((a, b) => a.computation.arrival - b.computation.arrival);
    const [dying, noticedAt] = noticed(run, speeds);
    const at = Math.min(...[next?.end, upload?.computation.arrival, nextWake(run.state), noticedAt].map((one = Infinity) => one));
    if (at > until) return void (run.now = until);
    if (at === Infinity) throw new Error("nothing happens any more");
    run.now = Math.max(run.now, at);
    if (noticedAt === at) {
      run.leave(dying);
      computing.delete(dying);
    } else if (next?.end === at) {
      computing.delete(worker!);
      uploads.push({ worker: worker!, computation: next });
    } else if (upload?.computation.arrival === at) {
      uploads.shift();
      const { assignment, computeMs } = upload.computation;
      if (run.sent.some((sent) => sent.assignment === assignment)) run.answer(upload.worker, { computeMs });
    } else run.send({ kind: "tick" });
  }
}

/** The death that the coordinator knows of next. */
const noticed = (run: Simulation, speeds: Readonly<Record<string, SimulatedSpeed>>): [name: string, at: number] =>
  Object.entries(speeds)
    .map(([name, { dies }]): [string, number] => [name, dies && run.state.workers.has(name) ? dies.noticedAt : Infinity])
    .reduce((a, b) => (a[1] <= b[1] ? a : b));
