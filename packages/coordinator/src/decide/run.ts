// The run as a pure state machine: (state, event, now) → the new state, what to do, and why. It knows no socket, no clock and no
// tensor; the rim (../coordinator.ts) carries out its actions in order.
import type { Reason } from "@tabgrad/core";
import {
  assign,
  count,
  isComplete,
  objection,
  openLedger,
  pendingMicrobatches,
  release,
  type Claim,
  type Ledger,
  type Purpose,
  type Totals,
} from "./ledger.ts";
import { cut, shares } from "./shares.ts";
import { changed, measured, without, type WorkerIdentity, type WorkerRecord, type Workers } from "./workers.ts";

/** What is fixed when a run begins. */
export interface RunPlan {
  /** Optimizer steps in the whole run. */
  readonly steps: number;
  /** Samples in each microbatch of a step (from 1). */
  readonly stepSamples: (step: number) => readonly number[];
  /** Samples in each microbatch of an evaluation; empty where nothing is held out. */
  readonly evaluationSamples: readonly number[];
  /** Whether to evaluate after this many steps. */
  readonly evaluateAfter: (step: number) => boolean;
  /** When to write a checkpoint on the way: after every so many steps, or when that much time has passed; undefined for never. */
  readonly checkpointEvery: { readonly steps: number } | { readonly milliseconds: number } | undefined;
  /** Workers to wait for before the first step. */
  readonly startWorkers: number;
  /** Workers below which no step is opened. */
  readonly minWorkers: number;
}

export interface OpenAssignment {
  readonly worker: string;
  readonly microbatches: readonly number[];
  readonly samples: number;
  /** When it could begin: sent, or when its parameter version was there. */
  readonly since: number;
}

export type Phase =
  /** Too few workers: nothing is computed. */
  | "waiting"
  | "running"
  /** Over, for whatever reason; nothing happens any more. */
  | "ended";

export interface RunState {
  readonly phase: Phase;
  /** Steps taken; also the newest parameter version. */
  readonly step: number;
  readonly ledger?: Ledger;
  readonly workers: Workers;
  readonly assignments: ReadonlyMap<number, OpenAssignment>;
  readonly nextAssignment: number;
  /** When the newest checkpoint was asked for. */
  readonly checkpointAt: number;
  /** Whether the first step was ever opened. */
  readonly begun: boolean;
}

export type RunEvent =
  | { readonly kind: "joined"; readonly worker: WorkerIdentity }
  | { readonly kind: "left"; readonly worker: string; readonly why: string }
  | { readonly kind: "claimed"; readonly worker: string; readonly claim: Claim; readonly finite: boolean }
  | { readonly kind: "failed"; readonly worker: string; readonly assignment: number; readonly why: string }
  /** The optimizer step that an `apply` action asked for has been taken. */
  | { readonly kind: "applied"; readonly step: number }
  /** It has not been: the gradient is not finite. */
  | { readonly kind: "diverged"; readonly step: number; readonly what: string }
  | { readonly kind: "stop"; readonly why: string };

export type Outcome =
  | { readonly kind: "finished" }
  | { readonly kind: "stopped"; readonly why: string }
  | { readonly kind: "diverged"; readonly step: number; readonly what: string };

export type Action =
  | {
      readonly kind: "assign";
      readonly worker: string;
      readonly assignment: number;
      readonly purpose: Purpose;
      readonly step: number;
      readonly version: number;
      readonly microbatches: readonly number[];
    }
  /** Add the contribution to the sums of the step. */
  | { readonly kind: "accept"; readonly worker: string; readonly assignment: number }
  /** Forget what came of the contribution. */
  | { readonly kind: "discard"; readonly worker: string; readonly assignment: number }
  /** All of a step is there: divide, take the optimizer step, send the new parameters; then report `applied` or `diverged`. */
  | { readonly kind: "apply"; readonly step: number; readonly totals: Totals }
  | { readonly kind: "evaluated"; readonly step: number; readonly totals: Totals }
  | { readonly kind: "checkpoint"; readonly step: number }
  /** Send the worker away. */
  | { readonly kind: "dismiss"; readonly worker: string; readonly why: string }
  | { readonly kind: "end"; readonly outcome: Outcome };

export interface Decision {
  readonly state: RunState;
  readonly actions: readonly Action[];
  readonly reasons: readonly Reason[];
}

/** A worker that fails this often in a row, with no contribution in between, is sent away. */
export const maxFailures = 3;

export function initialState(): RunState {
  return {
    phase: "waiting",
    step: 0,
    workers: new Map(),
    assignments: new Map(),
    nextAssignment: 1,
    checkpointAt: 0,
    begun: false,
  };
}

export function decide(plan: RunPlan, state: RunState, event: RunEvent, now: number): Decision {
  const turn = new Turn(plan, state, now);
  if (state.phase !== "ended") turn.take(event);
  return { state: turn.state, actions: turn.actions, reasons: turn.reasons };
}

/** One decision in the making. Replaces `state` and collects; what it was given stays as it was. */
class Turn {
  state: RunState;
  readonly actions: Action[] = [];
  readonly reasons: Reason[] = [];
  private readonly plan: RunPlan;
  private readonly now: number;

  constructor(plan: RunPlan, state: RunState, now: number) {
    this.plan = plan;
    this.state = state;
    this.now = now;
  }

  take(event: RunEvent): void {
    switch (event.kind) {
      case "joined":
        return this.join(event.worker);
      case "left":
        return this.leave(event.worker, event.why);
      case "claimed":
        return this.claim(event.worker, event.claim, event.finite);
      case "failed":
        return this.fail(event.worker, event.assignment, event.why);
      case "applied":
        return this.applied(event.step);
      case "diverged":
        return this.end({ kind: "diverged", step: event.step, what: event.what });
      case "stop":
        return this.end({ kind: "stopped", why: event.why });
      default:
        event satisfies never;
    }
  }

  private set(change: Partial<RunState>): void {
    this.state = { ...this.state, ...change };
  }

  private join(identity: WorkerIdentity): void {
    const worker: WorkerRecord = { ...identity, joinedAt: this.now, failures: 0, samples: 0, share: 0 };
    this.set({ workers: new Map(this.state.workers).set(identity.id, worker) });
    this.reasons.push({ kind: "joined", worker: identity.name, workers: this.state.workers.size });
    this.proceed();
  }

  private leave(id: string, why: string): void {
    const worker = this.state.workers.get(id);
    if (!worker) return;
    const returned = this.releaseAssignment(worker);
    this.set({ workers: without(this.state.workers, id) });
    this.reasons.push({ kind: "left", worker: worker.name, why, returned, workers: this.state.workers.size });
    this.proceed();
  }

  private fail(id: string, assignment: number, why: string): void {
    const worker = this.state.workers.get(id);
    if (!worker || worker.assignment !== assignment) return;
    const returned = this.releaseAssignment(worker);
    const failures = worker.failures + 1;
    this.set({ workers: changed(this.state.workers, id, { failures }) });
    this.actions.push({ kind: "discard", worker: id, assignment });
    this.reasons.push({ kind: "failed", worker: worker.name, why, returned, failures });
    if (failures >= maxFailures) {
      this.set({ workers: without(this.state.workers, id) });
      this.actions.push({ kind: "dismiss", worker: id, why: `${failures} failures in a row, the last one: ${why}` });
      this.reasons.push({ kind: "dismissed", worker: worker.name, failures });
    }
    this.proceed();
  }

  /** Gives the worker's microbatches back to the ledger; returns how many. */
  private releaseAssignment(worker: WorkerRecord): number {
    const { ledger, assignments, workers } = this.state;
    if (worker.assignment === undefined) return 0;
    const open = assignments.get(worker.assignment);
    const rest = new Map(assignments);
    rest.delete(worker.assignment);
    this.set({
      assignments: rest,
      ledger: ledger && release(ledger, worker.assignment),
      workers: changed(workers, worker.id, { assignment: undefined }),
    });
    return open?.microbatches.length ?? 0;
  }

  private claim(id: string, claim: Claim, finite: boolean): void {
    const worker = this.state.workers.get(id);
    const open = this.state.assignments.get(claim.assignment);
    const { ledger } = this.state;
    const problem = !worker || open?.worker !== id || !ledger ? "its assignment is not open" : objection(ledger, claim);
    if (problem || !worker || !open || !ledger) {
      this.actions.push({ kind: "discard", worker: id, assignment: claim.assignment });
      this.reasons.push({ kind: "discarded", worker: worker?.name ?? id, why: problem ?? "" });
      // What it held is done by somebody, or must be done again; either way this worker is free.
      if (worker && open?.worker === id) this.releaseAssignment(worker);
      return this.proceed();
    }
    if (!finite && ledger.purpose === "train") {
      return this.end({ kind: "diverged", step: claim.step, what: `worker ${worker.name} found a loss sum of ${claim.lossSum}` });
    }
    this.actions.push({ kind: "accept", worker: id, assignment: claim.assignment });
    const assignments = new Map(this.state.assignments);
    assignments.delete(claim.assignment);
    const trained = ledger.purpose === "train" ? claim.samples : 0;
    this.set({
      assignments,
      // What it was assigned but did not claim goes back.
      ledger: release(count(ledger, claim, id), claim.assignment),
      workers: changed(this.state.workers, id, {
        assignment: undefined,
        failures: 0,
        pace: measured(worker.pace, claim.samples, this.now - open.since, claim.computeMs),
        samples: worker.samples + trained,
      }),
    });
    this.proceed();
  }

  private applied(step: number): void {
    if (step !== this.state.step) return;
    // Whoever was assigned ahead could not begin before the new parameters were on their way.
    const assignments = new Map([...this.state.assignments].map(([id, open]) => [id, { ...open, since: this.now }]));
    this.set({ assignments });
    if (step < this.plan.steps && this.checkpointDue(step)) {
      this.set({ checkpointAt: this.now });
      this.actions.push({ kind: "checkpoint", step });
    }
    this.proceed();
  }

  private checkpointDue(step: number): boolean {
    const every = this.plan.checkpointEvery;
    if (!every) return false;
    return "steps" in every ? step % every.steps === 0 : this.now - this.state.checkpointAt >= every.milliseconds;
  }

  private end(outcome: Outcome): void {
    this.set({ phase: "ended", ledger: undefined, assignments: new Map() });
    this.actions.push({ kind: "end", outcome });
  }

  /** Does whatever can be done now: closes a complete ledger, opens the next, hands out what is pending. */
  private proceed(): void {
    const { ledger } = this.state;
    if (ledger && isComplete(ledger)) return this.close(ledger);
    if (!ledger) return this.open();
    this.handOut();
  }

  private close(ledger: Ledger): void {
    if (ledger.purpose === "evaluate") {
      this.set({ ledger: undefined });
      this.actions.push({ kind: "evaluated", step: ledger.step, totals: ledger.totals });
      return this.open();
    }
    this.set({ step: ledger.step, ledger: undefined });
    // The next assignments go out first: workers can fetch and prepare while the optimizer step is taken. Whether the run ends here
    // is only known when it has been taken.
    const position = this.actions.length;
    if (ledger.step < this.plan.steps || this.evaluationDue()) this.open(true);
    const ahead = this.actions.slice(position).filter((action) => action.kind === "assign").length;
    this.actions.splice(position + ahead, 0, { kind: "apply", step: ledger.step, totals: ledger.totals });
  }

  private evaluationDue(): boolean {
    const { step } = this.state;
    return this.plan.evaluationSamples.length > 0 && (step === this.plan.steps || this.plan.evaluateAfter(step));
  }

  /** Opens what comes next: the evaluation that may follow a step just taken, else the next step, else nothing: the run is over. */
  private open(justStepped = false): void {
    const { step } = this.state;
    if (justStepped && this.evaluationDue())
      return this.openLedger(openLedger("evaluate", step, step, this.plan.evaluationSamples));
    if (step === this.plan.steps) return this.end({ kind: "finished" });
    this.openLedger(openLedger("train", step + 1, step, this.plan.stepSamples(step + 1)));
  }

  private openLedger(ledger: Ledger): void {
    this.set({ ledger });
    this.handOut();
  }

  /** Assigns pending microbatches to idle workers, if there are workers enough. */
  private handOut(): void {
    const { workers, begun, phase } = this.state;
    const needed = begun ? this.plan.minWorkers : this.plan.startWorkers;
    if (workers.size < needed) {
      if (phase !== "waiting" || this.reasons.some((reason) => reason.kind === "joined")) {
        this.reasons.push({ kind: "waiting", workers: workers.size, needed });
      }
      return this.set({ phase: "waiting" });
    }
    if (phase === "waiting") this.reasons.push({ kind: "running", workers: workers.size, step: this.state.step + 1 });
    this.set({ phase: "running", begun: true, checkpointAt: begun ? this.state.checkpointAt : this.now });
    const ledger = this.state.ledger!;
    const pending = pendingMicrobatches(ledger);
    const idle = [...workers.values()].filter((worker) => worker.assignment === undefined);
    if (pending.length === 0 || idle.length === 0) return;
    const whole = pending.length === ledger.entries.length;
    const lengths = shares(
      pending.length,
      pending.reduce((sum, index) => sum + ledger.entries[index].samples, 0) / pending.length,
      idle.map((worker) => worker.pace),
      whole ? idle.map((worker) => worker.share) : undefined,
    );
    cut(pending, lengths).forEach((microbatches, i) => this.assign(idle[i], microbatches, whole));
  }

  private assign(worker: WorkerRecord, microbatches: readonly number[], whole: boolean): void {
    const { ledger, nextAssignment, assignments, workers } = this.state;
    const share = whole && ledger!.purpose === "train" ? microbatches.length : worker.share;
    if (microbatches.length === 0) return this.set({ workers: changed(workers, worker.id, { share }) });
    const samples = microbatches.reduce((sum, index) => sum + ledger!.entries[index].samples, 0);
    this.set({
      ledger: assign(ledger!, microbatches, nextAssignment),
      assignments: new Map(assignments).set(nextAssignment, { worker: worker.id, microbatches, samples, since: this.now }),
      nextAssignment: nextAssignment + 1,
      workers: changed(workers, worker.id, { assignment: nextAssignment, share }),
    });
    const { purpose, step, version } = ledger!;
    this.actions.push({ kind: "assign", worker: worker.id, assignment: nextAssignment, purpose, step, version, microbatches });
  }
}
