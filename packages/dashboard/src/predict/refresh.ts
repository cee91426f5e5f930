// When to ask for newer parameters: only while somebody looks, at most every two seconds, and only if there can be any.
/** From one request to the next. */
export const refreshEveryMs = 2000;

export interface RefreshState {
  /** Whether the panel can be seen. */
  readonly visible: boolean;
  /** Whether the coordinator is there, as far as the page knows. */
  readonly reachable: boolean;
  /** Steps that the run has taken, as the page knows. */
  readonly runStep: number;
  /** The run is over: its last parameters are asked for once, whatever version is held. */
  readonly over: boolean;
  readonly askedForLast: boolean;
  /** Steps behind the parameters that are held; undefined before the first. */
  readonly version: number | undefined;
  readonly asking: boolean;
  /** When the last request began. */
  readonly askedAt: number;
}

export const initialRefresh: RefreshState = {
  visible: false,
  reachable: true,
  runStep: 0,
  over: false,
  askedForLast: false,
  version: undefined,
  asking: false,
  askedAt: -Infinity,
};

/** `wait`: look again so many milliseconds later, if nothing else happens before. */
export type RefreshDecision =
  { readonly kind: "ask" } | { readonly kind: "wait"; readonly milliseconds: number } | { readonly kind: "rest" };

export function decideRefresh(state: RefreshState, now: number): RefreshDecision {
  if (!state.visible || !state.reachable || state.asking || !wanted(state)) return { kind: "rest" };
  const milliseconds = state.askedAt + refreshEveryMs - now;
  return milliseconds > 0 ? { kind: "wait", milliseconds } : { kind: "ask" };
}

function wanted({ version, runStep, over, askedForLast }: RefreshState): boolean {
  if (version === undefined) return true;
  return over ? !askedForLast && version < runStep : version < runStep;
}
