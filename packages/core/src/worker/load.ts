// Loading a run into the engine: the program is compiled, and everything that was there before is gone.
import { noShards } from "./state.ts";
import type { Turn } from "./turn.ts";

/** Shards are fetched again where they are needed: a host's cache mostly has them. */
export function load(turn: Turn): void {
  const { run, nextToken } = turn.state;
  turn.change({ engine: { name: "loading", token: nextToken }, nextToken: nextToken + 1, shards: noShards });
  turn.act({ type: "load", token: nextToken, run: run! });
}
