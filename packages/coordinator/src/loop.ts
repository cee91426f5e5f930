// The loop around the decision core: an event, a decision, its actions; what they cause is decided on after them.
import type { Reason } from "@tabgrad/core";
import { decide, initialState, type Action, type RunEvent, type RunPlan, type RunState } from "./decide/index.ts";

export interface LoopOptions {
  readonly plan: RunPlan;
  readonly onReason: (reason: Reason) => void;
  /** Carries out an action, and returns what came of it where that is to be decided on. */
  readonly perform: (action: Action) => RunEvent | undefined;
}

export class Loop {
  private readonly options: LoopOptions;
  private current: RunState;
  private readonly queue: RunEvent[] = [];
  private isBusy = false;

  constructor(options: LoopOptions) {
    this.options = options;
    this.current = initialState(options.plan);
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
