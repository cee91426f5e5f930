// One decision in the making: what the parts of the decision core read and write while they work out what an event brings about.
import type { Reason } from "@tabgrad/core";
import { assign, release } from "./ledger.ts";
import type { Action, OpenAssignment, Outcome, RunPlan, RunState } from "./state.ts";
import { changed, excuse, type WorkerRecord } from "./workers.ts";

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

  /** Gives microbatches of the open ledger to a worker that has nothing, or has others before them. */
  assign(workerId: string, microbatches: readonly number[], { counts = true, isCopy = false } = {}): void {
    const { nextAssignment: assignment, assignments, workers } = this.state;
    const ledger = this.state.ledger!;
    const { purpose, step, version, entries } = ledger;
    const samples = microbatches.reduce((sum, index) => sum + entries[index].samples, 0);
    const open: OpenAssignment = { worker: workerId, purpose, version, microbatches, samples, since: this.now, counts, isCopy };
    this.set({
      ledger: counts ? assign(ledger, microbatches, assignment) : ledger,
      assignments: new Map(assignments).set(assignment, open),
      nextAssignment: assignment + 1,
      workers: changed(workers, workerId, { assignments: [...workers.get(workerId)!.assignments, assignment], isLeftOut: false }),
    });
    const lossScale = purpose === "train" ? this.state.lossScale?.scale : undefined;
    this.actions.push({
      ...{ kind: "assign", worker: workerId, assignment, purpose, step, version, microbatches },
      ...(lossScale !== undefined && { lossScale }),
    });
  }

  /** Forgets an assignment. Returns how many of its microbatches are pending again, since nobody else has them. */
  close(id: number): number {
    const { ledger, assignments, workers } = this.state;
    const open = assignments.get(id);
    if (!open) return 0;
    const rest = new Map(assignments);
    rest.delete(id);
    const held = workers.get(open.worker)?.assignments ?? [];
    this.set({
      assignments: rest,
      workers: changed(workers, open.worker, { assignments: held.filter((one) => one !== id) }),
    });
    if (!open.counts || !ledger) return 0;
    const after = release(ledger, open.microbatches, id);
    const returned = open.microbatches.filter((index) => after.entries[index].state.kind === "pending").length;
    this.set({ ledger: after, ...(returned > 0 && { undisturbedSince: undefined }) });
    return returned;
  }

  /** Takes from a worker what it need not compute any more, and tells it so. That has to do with speed alone: the step is as undisturbed as it was. */
  recall(id: number): void {
    const { assignments, undisturbedSince } = this.state;
    const { worker } = assignments.get(id)!;
    this.close(id);
    this.set({ undisturbedSince });
    this.setWorker(worker, { excused: excuse(this.state.workers.get(worker)!.excused, [id]) });
    this.actions.push({ kind: "recall", worker, assignment: id });
  }

  /** Takes from a worker all it has; returns how many microbatches are pending again. What still comes of it is excused. */
  closeAll(workerId: string): number {
    const { assignments: ids, excused } = this.state.workers.get(workerId)!;
    this.setWorker(workerId, { excused: excuse(excused, ids) });
    return ids.reduce((returned, id) => returned + this.close(id), 0);
  }

  end(outcome: Outcome): void {
    this.set({ phase: "ended", ledger: undefined, assignments: new Map(), suspects: [] });
    this.actions.push({ kind: "end", outcome });
  }
}
