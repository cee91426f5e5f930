// One event's worth of change: what the functions of the session's state machine write to.
import type { SessionAction, SessionPlan, SessionState } from "./state.ts";

/** Replaces `state` and collects actions; the state it was given stays as it was. */
export class Turn {
  readonly plan: SessionPlan;
  readonly now: number;
  readonly actions: SessionAction[] = [];
  #state: SessionState;

  constructor(plan: SessionPlan, state: SessionState, now: number) {
    this.plan = plan;
    this.now = now;
    this.#state = state;
  }

  get state(): SessionState {
    return this.#state;
  }

  change(difference: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...difference };
  }

  act(action: SessionAction): void {
    this.actions.push(action);
  }
}

export function withItem<T>(set: ReadonlySet<T>, item: T): ReadonlySet<T> {
  return new Set(set).add(item);
}

export function withoutItem<T>(set: ReadonlySet<T>, item: T): ReadonlySet<T> {
  const rest = new Set(set);
  rest.delete(item);
  return rest;
}

export function withEntry<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

export function withoutEntry<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
