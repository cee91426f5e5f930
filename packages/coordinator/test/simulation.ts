// Drives the decision core with a random schedule of joins, deaths, failures and contributions under a virtual clock, and checks after
// every event that each microbatch counts once and nothing gets stuck.
import type { Reason } from "@tabgrad/core";
import { decide, initialState, type Action, type RunEvent, type RunPlan, type RunState } from "../src/decide/index.ts";

export interface Sent {
  readonly worker: string;
  readonly assignment: number;
  readonly step: number;
  readonly version: number;
  readonly microbatches: readonly number[];
  readonly purpose: "train" | "evaluate";
}

export class Simulation {
  state: RunState = initialState();
  now = 0;
  /** Assignments sent and neither answered nor lost. */
  sent: Sent[] = [];
  readonly reasons: Reason[] = [];
  readonly actions: Action[] = [];
  /** Training samples accepted for each step. */
  readonly accepted = new Map<number, number>();
  readonly evaluations: { step: number; samples: number }[] = [];
  readonly plan: RunPlan;
  outcome: Extract<Action, { kind: "end" }>["outcome"] | undefined;
  /** Set to a step to have its gradient found not finite. */
  divergeAt: number | undefined;

  constructor(plan: Partial<RunPlan> = {}) {
    this.plan = {
      steps: 3,
      stepSamples: () => [32, 32, 32, 32],
      evaluationSamples: [],
      evaluateAfter: () => false,
      checkpointEvery: undefined,
      startWorkers: 1,
      minWorkers: 1,
      ...plan,
    };
  }

  send(event: RunEvent): void {
    const queue: RunEvent[] = [event];
    for (let next = queue.shift(); next; next = queue.shift()) {
      const decision = decide(this.plan, this.state, next, this.now);
      this.state = decision.state;
      this.reasons.push(...decision.reasons);
      for (const action of decision.actions) {
        this.actions.push(action);
        const result = this.perform(action);
        if (result) queue.push(result);
      }
    }
  }

  private perform(action: Action): RunEvent | undefined {
    switch (action.kind) {
      case "assign":
        this.sent.push(action);
        return undefined;
      case "apply": {
        const expected = this.plan.stepSamples(action.step).reduce((a, b) => a + b, 0);
        if (action.totals.samples !== expected)
          throw new Error(`step ${action.step} summed ${action.totals.samples} of ${expected} samples`);
        if (this.accepted.has(action.step)) throw new Error(`step ${action.step} was applied twice`);
        this.accepted.set(action.step, action.totals.samples);
        return this.divergeAt === action.step
          ? { kind: "diverged", step: action.step, what: "the gradient is not finite" }
          : { kind: "applied", step: action.step };
      }
      case "evaluated":
        this.evaluations.push({ step: action.step, samples: action.totals.samples });
        return undefined;
      case "dismiss":
        this.sent = this.sent.filter((sent) => sent.worker !== action.worker);
        return undefined;
      case "end":
        if (this.outcome) throw new Error("the run ended twice");
        this.outcome = action.outcome;
        return undefined;
      default:
        return undefined;
    }
  }

  join(id: string): void {
    this.send({ kind: "joined", worker: { id, name: `worker ${id}`, host: "node", engine: "cpu", device: "test" } });
  }

  leave(id: string): void {
    this.sent = this.sent.filter((sent) => sent.worker !== id);
    this.send({ kind: "left", worker: id, why: "connection closed" });
  }

  /** The worker answers its oldest assignment. */
  answer(
    id: string,
    change: Partial<{ samples: number; version: number; microbatches: readonly number[]; finite: boolean }> = {},
  ): boolean {
    const sent = this.sent.find((candidate) => candidate.worker === id);
    if (!sent) return false;
    this.sent = this.sent.filter((candidate) => candidate !== sent);
    const sizes = sent.purpose === "train" ? this.plan.stepSamples(sent.step) : this.plan.evaluationSamples;
    const microbatches = change.microbatches ?? sent.microbatches;
    const samples = change.samples ?? microbatches.reduce((total, index) => total + sizes[index], 0);
    this.send({
      kind: "claimed",
      worker: id,
      finite: change.finite ?? true,
      claim: {
        assignment: sent.assignment,
        step: sent.step,
        version: change.version ?? sent.version,
        microbatches,
        samples,
        lossSum: samples,
        metricSums: [1],
        computeMs: 1,
      },
    });
    return true;
  }

  fail(id: string): void {
    const sent = this.sent.find((candidate) => candidate.worker === id);
    if (!sent) return;
    this.sent = this.sent.filter((candidate) => candidate !== sent);
    this.send({ kind: "failed", worker: id, assignment: sent.assignment, why: "device lost" });
  }

  /** Every microbatch of the open ledger is done, held by exactly one open assignment, or pending with nobody idle to take it. */
  check(): void {
    const { ledger, assignments, workers, phase } = this.state;
    if (!ledger || phase !== "running") return;
    const held = [...assignments.values()].flatMap((open) => open.microbatches);
    if (new Set(held).size !== held.length) throw new Error("a microbatch is held twice");
    for (const open of assignments.values()) if (!workers.has(open.worker)) throw new Error("an assignment outlived its worker");
    const idle = [...workers.values()].filter((worker) => worker.assignment === undefined).length;
    const pending = ledger.entries.filter((entry) => entry.state.kind === "pending").length;
    if (pending > 0 && idle > 0) throw new Error(`${pending} microbatches wait while ${idle} workers idle`);
  }
}
