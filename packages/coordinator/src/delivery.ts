// How parameters get to workers: what is frozen once, before all else, and of versions those alone that a worker computes with.
import type { Reducer } from "./reduce/reducer.ts";
import type { Connection } from "./rim/connection.ts";

export class Delivery {
  private readonly reducer: Reducer;

  constructor(reducer: Reducer) {
    this.reducer = reducer;
  }

  /** Sends a version that is here to a worker that was needed when it was new, or not: what it has already is not sent again. */
  bring(connection: Connection, version: number): void {
    // Those of a version to come go to all that are assigned to it.
    if (this.reducer.has(version) && connection.version < version) this.send(connection, version);
  }

  /** To a worker that paused, and forgot everything. */
  begin(connection: Connection, version: number): void {
    connection.send({ type: "parametersBegin", version });
    connection.hasFrozen = false;
    this.send(connection, version);
  }

  /** @returns where the frames of a version go, while it is made */
  announce(connections: readonly Connection[], version: number): (frame: Uint8Array) => void {
    for (const connection of connections) {
      this.sendFrozen(connection);
      connection.version = version;
    }
    return (frame) => {
      for (const connection of connections) connection.sendFrame(frame);
    };
  }

  private send(connection: Connection, version: number): void {
    this.sendFrozen(connection);
    for (const frame of this.reducer.frames(version)) connection.sendFrame(frame);
    connection.version = version;
  }

  private sendFrozen(connection: Connection): void {
    if (connection.hasFrozen) return;
    for (const frame of this.reducer.frozenFrames()) connection.sendFrame(frame);
    connection.hasFrozen = true;
  }
}
