// Drives the decision core with a random schedule of joins, deaths, failures and contributions under a virtual clock, and checks after
// every event that each microbatch counts once and nothing gets stuck.
import type { Reason, WorkerAvailability } from "@tabgrad/core";
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
  state: RunState;
  now = 0;
  /** Assignments sent and neither answered nor lost. */
  sent: Sent[] = [];
  readonly reasons: Reason[] = [];
  readonly actions: Action[] = [];
  /** Training samples accepted for each step. */
  readonly accepted = new Map<number, number>();
  /** The learning rate of each step. */
  readonly learningRates = new Map<number, number>();
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
      learningRate: 0.1,
      rateFactor: () => 1,
      exact: false,
      ...plan,
    };
    this.state = initialState(this.plan);
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
        if (this.state.phase === "paused") throw new Error("handed out while the run is paused");
        if (this.state.workers.get(action.worker)?.availability === "paused") throw new Error(`${action.worker} rests`);
        this.sent.push(action);
        return undefined;
      case "apply": {
        this.learningRates.set(action.step, action.learningRate);
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
      case "recall":
        this.sent = this.sent.filter(({ assignment }) => assignment !== action.assignment);
        return undefined;
      case "dismiss":
      case "quarantine":
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
    this.send({ kind: "joined", worker: { id, name: `worker ${id}`, host: "node", engine: "cpu", device: "test" }, workerId: id });
  }

  /** What the worker has not answered yet it may still answer: that is on its way. */
  setAvailability(id: string, availability: WorkerAvailability): void {
    this.send({ kind: "availability", worker: id, availability, why: "it said so" });
  }

  leave(id: string): void {
    this.sent = this.sent.filter((sent) => sent.worker !== id);
    this.send({ kind: "left", worker: id, why: "connection closed" });
  }

  /** The worker answers its oldest assignment. */
  answer(
    id: string,
    change: Partial<{
      samples: number;
      version: number;
      microbatches: readonly number[];
      norm: number;
      lossSum: number;
      metricSums: readonly number[];
      computeMs: number;
    }> = {},
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
      // As long as its samples are many.
      squaredNorm: sent.purpose === "train" ? ((change.norm ?? 1) * samples) ** 2 : undefined,
      claim: {
        assignment: sent.assignment,
        step: sent.step,
        version: change.version ?? sent.version,
        microbatches,
        samples,
        lossSum: change.lossSum ?? samples,
        metricSums: change.metricSums ?? [1],
        computeMs: change.computeMs ?? 1,
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

  /**
   * Every microbatch of the open ledger is done, held by exactly one open assignment, or pending with nobody idle to take it; and the
   * run goes on where there are workers enough and nobody paused it.
   */
  check(): void {
    const { ledger, assignments, workers, phase, begun } = this.state;
    if (phase === "ended") return;
    for (const open of assignments.values()) if (!workers.has(open.worker)) throw new Error("an assignment outlived its worker");
    const atWork = [...workers.values()].filter((worker) => worker.availability !== "paused");
    for (const { id, availability, assignments: held } of workers.values())
      if (availability === "paused" && held.length > 0) throw new Error(`${id} rests and holds an assignment`);
    if (phase === "paused") return;
    const enough = atWork.length >= (begun ? this.plan.minWorkers : this.plan.startWorkers);
    if (enough !== (phase === "running")) throw new Error(`${phase} with ${atWork.length} workers`);
    if (!ledger || phase !== "running") return;
    const idle = atWork.filter((worker) => worker.assignments.length === 0).length;
    const pending = ledger.entries.filter((entry) => entry.state.kind === "pending").length;
    if (pending > 0 && idle > 0) throw new Error(`${pending} microbatches wait while ${idle} workers idle`);
  }
}
