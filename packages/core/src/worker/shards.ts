// Which shards a worker holds: those of its assignments and those it is told to expect, and nothing else.
import type { TabgradError } from "../errors.ts";
import type { HeldAssignment, SessionEvent, SessionState, ShardState } from "./state.ts";
import { type Turn, withEntry, withItem, withoutEntry } from "./turn.ts";

/** Shards that are fetched at a time. */
const fetchesAtATime = 4;
/** How often a shard is asked for before the assignments that need it are given back. */
const attempts = 3;

/** What an assignment still waits for. */
export function missingShards({ held }: ShardState, { shards }: HeldAssignment): number[] {
  return shards.filter((shard) => !held.has(shard));
}

/** All that should be there, the most urgent first. */
function wantedShards({ held, shards }: SessionState): Set<number> {
  return new Set([...held.flatMap((one) => one.shards), ...shards.upcoming]);
}

/** Fetches what is wanted and missing, a few at a time. */
export function fetchShards(turn: Turn): void {
  const { shards } = turn.state;
  let { fetching } = shards;
  for (const shard of wantedShards(turn.state)) {
    if (fetching.size >= fetchesAtATime) break;
    if (shards.held.has(shard) || fetching.has(shard)) continue;
    fetching = withEntry(fetching, shard, 1);
    turn.act({ type: "fetchShard", shard });
  }
  if (fetching !== shards.fetching) turn.change({ shards: { ...shards, fetching } });
}

/** Drops what neither an assignment nor a look-ahead names. */
export function forgetShards(turn: Turn): void {
  const { shards } = turn.state;
  const wanted = wantedShards(turn.state);
  const dropped = [...shards.held].filter((shard) => !wanted.has(shard));
  if (dropped.length === 0) return;
  for (const shard of dropped) turn.act({ type: "dropShard", shard });
  turn.change({ shards: { ...shards, held: new Set([...shards.held].filter((shard) => wanted.has(shard))) } });
}

/** Keeps a shard that is still wanted. */
export function shardArrived(turn: Turn, { runId, shard, bytes }: SessionEvent & { type: "shardArrived" }): void {
  const { shards, run } = turn.state;
  if (run?.runId !== runId || !shards.fetching.has(shard)) return;
  const fetching = withoutEntry(shards.fetching, shard);
  if (wantedShards(turn.state).has(shard)) {
    turn.change({ shards: { ...shards, fetching, held: withItem(shards.held, shard) } });
    turn.act({ type: "putShard", shard, bytes });
  } else {
    turn.change({ shards: { ...shards, fetching } });
  }
}

/** Tries again, or gives up: then the answer is the assignments that cannot be done without it. */
export function shardFailed(
  turn: Turn,
  { runId, shard }: { readonly runId: string; readonly shard: number; readonly error: TabgradError },
): HeldAssignment[] {
  const { shards, run, held } = turn.state;
  const attempt = shards.fetching.get(shard);
  if (run?.runId !== runId || attempt === undefined) return [];
  if (attempt < attempts && wantedShards(turn.state).has(shard)) {
    turn.change({ shards: { ...shards, fetching: withEntry(shards.fetching, shard, attempt + 1) } });
    turn.act({ type: "fetchShard", shard });
    return [];
  }
  const fetching = withoutEntry(shards.fetching, shard);
  turn.change({ shards: { ...shards, fetching, upcoming: shards.upcoming.filter((one) => one !== shard) } });
  return held.filter((one) => one.shards.includes(shard));
}
