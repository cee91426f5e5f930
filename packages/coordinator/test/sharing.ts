// Workers of noisy speed that share the cores of one machine, under a virtual clock: the more of them compute, the slower each is.
import { keyed } from "@tabgrad/core";
import { nextWake } from "../src/decide/index.ts";
import type { Simulation } from "./simulation.ts";

export interface SharingWorker {
  /** Milliseconds of computing for a microbatch, on a core of its own. */
  readonly perMicrobatch: number;
  /** Milliseconds for parameters down and gradient up, half for each. */
  readonly overhead: number;
  /** Whether that takes a core, too. Default: 0, no. */
  readonly onCore?: 0 | 1;
  /** By what its first assignments take longer. */
  readonly beginning?: readonly number[];
}

export interface SharedMachine {
  readonly workers: Readonly<Record<string, SharingWorker>>;
  readonly cores: number;
  /** Standard deviation of the logarithm of what an assignment takes. */
  readonly noise: number;
  readonly seed: number;
}

interface Computation {
  readonly worker: string;
  readonly assignment: number;
  readonly from: number;
  /** Milliseconds of a core that are left to do. */
  left: number;
}

/** Plays the workers until the run is over; returns when each step was over, and who had a part in it. */
export function playSharing(run: Simulation, machine: SharedMachine): { readonly at: number; readonly team: readonly string[] }[] {
  const { workers, cores, noise, seed } = machine;
  const steps: { at: number; team: string[] }[] = [];
  const began = new Map<string, number>();
  const computing = new Map<string, Computation>();
  const uploads: { worker: string; assignment: number; computeMs: number; arrival: number }[] = [];
  const team = new Set<string>();
  const normal = new Float32Array(1);
  const begin = (): void => {
    for (const { worker, assignment, microbatches } of run.sent) {
      if (computing.has(worker) || uploads.some((upload) => upload.assignment === assignment)) continue;
      const { perMicrobatch, overhead, onCore = 0, beginning = [] } = workers[worker];
      const turn = began.get(worker) ?? 0;
      began.set(worker, turn + 1);
      keyed(seed, "sample", Object.keys(workers).indexOf(worker), turn).fillNormal(normal);
      const left = microbatches.length * perMicrobatch * Math.exp(noise * normal[0]) * (beginning[turn] ?? 1);
      const from = run.now + (1 - onCore) * (overhead / 2);
      computing.set(worker, { worker, assignment, from, left: left + onCore * overhead });
    }
  };
  while (!run.outcome) {
    begin();
    const active = [...computing.values()].filter(({ from }) => from <= run.now);
    const rate = Math.min(1, cores / active.length);
    const ends = active.map(({ left }) => run.now + left / rate);
    const begins = [...computing.values()].flatMap(({ from }) => (from > run.now ? [from] : []));
    const next = Math.min(...ends, ...begins, ...uploads.map(({ arrival }) => arrival), nextWake(run.state) ?? Infinity);
    for (const one of active) one.left -= (next - run.now) * rate;
    run.now = Math.max(run.now, next);
    const done = active[ends.indexOf(next)];
    const arrived = uploads.findIndex(({ arrival }) => arrival === next);
    if (done) {
      const { worker, assignment, from } = done;
      const { overhead, onCore = 0 } = workers[worker];
      computing.delete(worker);
      const computeMs = Math.max(next - from - onCore * overhead, 0.1);
      uploads.push({ worker, assignment, computeMs, arrival: next + (1 - onCore) * (overhead / 2) });
    } else if (arrived >= 0) {
      const [{ worker, assignment, computeMs }] = uploads.splice(arrived, 1);
      if (!run.sent.some((sent) => sent.assignment === assignment)) continue;
      const { step } = run.state;
      if (run.state.assignments.get(assignment)?.counts) team.add(worker);
      run.answer(worker, { computeMs });
      if (run.state.step === step) continue;
      steps.push({ at: run.now, team: [...team] });
      team.clear();
    } else if (!begins.includes(next)) run.send({ kind: "tick" });
  }
  return steps;
}
