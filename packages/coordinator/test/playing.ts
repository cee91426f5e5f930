// Workers of any speed under a virtual clock: steady ones, and ones that stand still for most of every period.
import { nextWake } from "../src/decide/index.ts";
import type { Simulation } from "./simulation.ts";

export interface SimulatedSpeed {
  /** Milliseconds of computing for a microbatch. */
  readonly perMicrobatch: number;
  /** Milliseconds of its own for every assignment: parameters down, gradient up. */
  readonly overhead?: number;
  /** It runs for the first `run` of every `period` milliseconds, and reads, computes and sends nothing for the rest. */
  readonly duty?: { readonly run: number; readonly period: number };
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

/** Plays the workers, by name, until the run is over or it is `until`. */
export function play(run: Simulation, speeds: Readonly<Record<string, SimulatedSpeed>>, until = Infinity): void {
  const busyUntil = new Map<string, number>();
  /** What each worker computes: it goes on with it when it is recalled, and says nothing then. */
  const computing = new Map<string, { assignment: number; computeMs: number; end: number }>();
  while (!run.outcome) {
    for (const { worker, assignment, microbatches } of run.sent) {
      if (computing.has(worker)) continue;
      const { perMicrobatch, overhead = 0, duty } = speeds[worker];
      const began = Math.max(run.now, busyUntil.get(worker) ?? 0);
      const end = endOf(began, overhead + microbatches.length * perMicrobatch, duty);
      computing.set(worker, { assignment, computeMs: end - endOf(began, overhead, duty), end });
    }
    const [[worker, next] = []] = [...computing].sort(([, a], [, b]) => a.end - b.end);
    const wake = nextWake(run.state) ?? Infinity;
    const at = Math.min(next?.end ?? Infinity, wake);
    if (at > until) return void (run.now = until);
    if (at === Infinity) throw new Error("nothing happens any more");
    run.now = Math.max(run.now, at);
    if (!next || wake < next.end) {
      run.send({ kind: "tick" });
      continue;
    }
    computing.delete(worker!);
    busyUntil.set(worker!, next.end);
    const isWanted = run.sent.some(({ assignment }) => assignment === next.assignment);
    if (isWanted) run.answer(worker!, { computeMs: next.computeMs });
  }
}
