// The loop around the decision core: an event, a decision, its actions; what they cause is decided on after them. Its one timer brings
// the event that nothing else would: it has become late.
import type { Reason } from "@tabgrad/core";
import { decide, initialState, nextWake, type Action, type RunEvent, type RunPlan, type RunState } from "./decide/index.ts";

export interface LoopOptions {
  readonly plan: RunPlan;
  /** Of a run that goes on. Default: that of one that begins. */
  readonly state?: RunState;
  readonly onReason: (reason: Reason) => void;
  /** Carries out an action, and returns what came of it where that is to be decided on. */
  readonly perform: (action: Action) => RunEvent | undefined;
}

export class Loop {
  private readonly options: LoopOptions;
  private current: RunState;
  private readonly queue: RunEvent[] = [];
  private isBusy = false;
  private wake: { readonly at: number; readonly timeout: NodeJS.Timeout } | undefined;

  constructor(options: LoopOptions) {
    this.options = options;
    this.current = options.state ?? initialState(options.plan);
  }

  get state(): RunState {
    return this.current;
  }

  get isOver(): boolean {
    return this.current.phase === "ended";
  }

  dispatch(event: RunEvent): void {
    this.queue.push(event);
    if (this.isBusy) return;
    this.isBusy = true;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) this.decide(next);
    this.isBusy = false;
    this.arm();
  }

  /** One timer, set anew only where it has to fire earlier: what it is for has mostly been done before it fires. */
  private arm(): void {
    const at = nextWake(this.current);
    if (at === undefined && !this.isOver) return;
    if (at !== undefined && this.wake && this.wake.at <= at) return;
    clearTimeout(this.wake?.timeout);
    this.wake = undefined;
    if (at === undefined) return;
    const timeout = setTimeout(
      () => {
        this.wake = undefined;
        this.dispatch({ kind: "tick" });
      },
      // A timer may fire up to a millisecond early.
      Math.max(1, Math.ceil(at - performance.now())),
    );
    this.wake = { at, timeout };
  }

  private decide(event: RunEvent): void {
    const { plan, onReason, perform } = this.options;
    const { state, actions, reasons } = decide(plan, this.current, event, performance.now());
    this.current = state;
    reasons.forEach(onReason);
    for (const action of actions) {
      const result = perform(action);
      if (result) this.queue.push(result);
    }
  }
}
