// What goes wrong in a run, and at which step of it: a script that can be drawn from a seed, printed, and played again
// (faulty-run.ts plays it).
import { KeyedRandom } from "@tabgrad/core";
import type { Corruption } from "./frame-tamper.ts";

/** `worker`: an index, modulo their number, into the workers that take part then, in the order in which they joined. */
export type Fault =
  | { readonly kind: "kill"; readonly step: number; readonly worker: number }
  | { readonly kind: "stall"; readonly step: number; readonly worker: number; readonly untilStep: number }
  | { readonly kind: "partition"; readonly step: number; readonly worker: number; readonly untilStep: number }
  | {
      readonly kind: "corrupt";
      readonly step: number;
      readonly worker: number;
      readonly how: Corruption;
      readonly refusals: number;
    }
  | { readonly kind: "restartCoordinator"; readonly step: number };

/** Faults happen when the coordinator has told of their step, never by the clock. Every method returns a longer script. */
export class FaultScript {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[] = []) {
    this.faults = faults;
  }

  /** The worker's process is killed, and another one is started in its place. */
  killAt(step: number, worker: number): FaultScript {
    return this.with({ kind: "kill", step, worker });
  }

  /** The worker's process is stopped, and goes on when the run has come to `untilStep`. */
  stallAt(step: number, worker: number, untilStep: number): FaultScript {
    return this.with({ kind: "stall", step, worker, untilStep });
  }

  /** Between worker and coordinator nothing gets through any more, though no end hears of it; at `untilStep` the line breaks. */
  partitionAt(step: number, worker: number, untilStep: number): FaultScript {
    return this.with({ kind: "partition", step, worker, untilStep });
  }

  /** On its way, a value in the worker's next upload is spoilt, and again in later ones until so many of them were refused. */
  corruptAt(step: number, worker: number, how: Corruption = "notFinite", refusals = 1): FaultScript {
    return this.with({ kind: "corrupt", step, worker, how, refusals });
  }

  /** The coordinator is killed, and resumed on the same folder and port. */
  restartCoordinatorAt(step: number): FaultScript {
    return this.with({ kind: "restartCoordinator", step });
  }

  /** The script as code. */
  toString(): string {
    const calls = this.faults.map(({ kind, step, ...rest }) => {
      const values = [step, ...Object.values(rest)].map((value: string | number) => JSON.stringify(value));
      return `.${kind}At(${values.join(", ")})`;
    });
    return `new FaultScript()${calls.join("")}`;
  }

  /** Kills and restarts at steps drawn from a seed: from `firstStep` on and before `lastStep`, now and then several at one step. */
  static random(seed: number, { kills, restarts, firstStep, lastStep }: RandomFaults): FaultScript {
    const random = new KeyedRandom(seed, 0);
    const stepOf = (index: number): number => firstStep + random.child(0).integer(index, lastStep - firstStep);
    const faults = Array.from({ length: kills + restarts }, (_, i): Fault => {
      const step = stepOf(i);
      return i < kills
        ? { kind: "kill", step, worker: random.child(1).integer(i, workersToDrawFrom) }
        : { kind: "restartCoordinator", step };
    });
    return new FaultScript(faults.sort((a, b) => a.step - b.step));
  }

  private with(fault: Fault): FaultScript {
    return new FaultScript([...this.faults, fault]);
  }
}

/** A multiple of every number of workers that a test starts, so that each of them is drawn as often. */
const workersToDrawFrom = 60;

export interface RandomFaults {
  readonly kills: number;
  readonly restarts: number;
  readonly firstStep: number;
  readonly lastStep: number;
}
