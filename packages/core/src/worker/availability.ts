// How much this worker can do: what is wanted of it, what the coordinator was told, and the rest that lies between.
import { type Readiness, type SessionState, unwanted, withoutConnection } from "./state.ts";
import type { Turn } from "./turn.ts";

/** What a person or the host wants. It outlives connections. */
export function want(turn: Turn, wanted: Readiness): void {
  turn.change({ wanted });
  declare(turn);
}

/** Tells the coordinator how things stand, where it has not heard that. */
export function declare(turn: Turn): void {
  const { state } = turn;
  const { told } = state;
  const present = presentAvailability(state);
  if (state.phase.name !== "open" || isSame(present, told)) return;
  turn.act({ type: "send", message: { type: "availability", ...present } });
  turn.change({ told: present });
  if (present.state === "paused") {
    if (told.state !== "paused") rest(turn);
  } else if (told.state === "paused") turn.change({ duty: "returning" });
}

/** Without an engine, a worker that is wanted can do nothing either. */
function presentAvailability({ wanted, rebuilding }: SessionState): Readiness {
  if (!rebuilding || wanted.state === "paused") return wanted;
  return { state: "paused", reason: `rebuilding its engine: ${rebuilding.message}` };
}

/** Nobody asks why a worker is available. */
function isSame(a: Readiness, b: Readiness): boolean {
  return a.state === b.state && (a.state === "available" || a.reason === b.reason);
}

/** Lets go of all that goes back to the coordinator. What was needed of shards will probably be needed again. */
function rest(turn: Turn): void {
  const { held, shards, run } = turn.state;
  const upcoming = new Set([...held.flatMap((one) => one.shards), ...shards.upcoming]);
  turn.change({
    ...forgetting(turn.state),
    duty: "paused",
    shards: { ...shards, upcoming: [...upcoming] },
  });
  turn.act({ type: "resetParameters", run: run! });
}

/**
 * All chunks of `version` are about to come, and assignments may come again. Where nothing was paused it is the same: what is here of
 * parameters and assignments is void.
 */
export function beginAgain(turn: Turn, version: number): void {
  const { now, state } = turn;
  const forgotten = forgetting(state);
  // As if the version before it had been here and gone, so that nothing older is taken for news.
  turn.change({ ...forgotten, parameters: { ...forgotten.parameters, newest: version - 1 }, duty: "working", lastEnd: now });
  turn.act({ type: "resetParameters", run: state.run! });
}

function forgetting(state: SessionState): Pick<SessionState, "parameters" | "held" | "uploads" | "engine"> {
  const { parameters, held, uploads } = withoutConnection;
  return { parameters, held, uploads, engine: unwanted(state) };
}
