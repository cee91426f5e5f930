// One decision in the making: what the parts of the decision core read and write while they work out what an event brings about.
import type { Reason } from "@tabgrad/core";
import { release } from "./ledger.ts";
import type { Action, Outcome, RunPlan, RunState } from "./state.ts";
import { changed, type WorkerRecord } from "./workers.ts";

/** Replaces `state` and collects; what it was given stays as it was. */
export class Turn {
  state: RunState;
  readonly actions: Action[] = [];
  readonly reasons: Reason[] = [];
  readonly plan: RunPlan;
  readonly now: number;

  constructor(plan: RunPlan, state: RunState, now: number) {
    this.plan = plan;
    this.state = state;
    this.now = now;
  }

  set(change: Partial<RunState>): void {
    this.state = { ...this.state, ...change };
  }

  setWorker(id: string, change: Partial<WorkerRecord>): void {
    this.set({ workers: changed(this.state.workers, id, change) });
  }

  /** Gives the worker's microbatches back to the ledger; returns how many. */
  releaseAssignment({ id, assignment }: WorkerRecord): number {
    if (assignment === undefined) return 0;
    const { ledger, assignments } = this.state;
    const open = assignments.get(assignment);
    const rest = new Map(assignments);
    rest.delete(assignment);
    this.set({ assignments: rest, ledger: ledger && release(ledger, assignment) });
    this.setWorker(id, { assignment: undefined });
    return open?.microbatches.length ?? 0;
  }

  end(outcome: Outcome): void {
    this.set({ phase: "ended", ledger: undefined, assignments: new Map() });
    this.actions.push({ kind: "end", outcome });
  }
}
