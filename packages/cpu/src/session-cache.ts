// The sessions of one program: compiled when first needed, one for each purpose and number of rows.
import { evaluationGraph, inferenceGraph, trainingGraph, type Graph } from "@tabgrad/core";
import { accumulatingGraph } from "./accumulating.ts";
import { createSession, type Runtime, type Session } from "./session.ts";

/** "accumulate" trains like "train" and adds to the gradients of earlier batches. */
export type Purpose = "train" | "accumulate" | "evaluate" | "predict";

/** More than the numbers of rows that a run meets, and a bound all the same: each session holds memory of its own. */
const maxSessions = 16;

const graphFor: Record<Purpose, (forward: Graph, rows: number) => Graph> = {
  train: trainingGraph,
  accumulate: (forward, rows) => accumulatingGraph(trainingGraph(forward, rows)),
  evaluate: evaluationGraph,
  predict: inferenceGraph,
};

export class SessionCache {
  private readonly forward: Graph;
  private readonly runtime: Runtime;
  /** The least recently used first. */
  private readonly sessions = new Map<string, Session>();

  constructor(forward: Graph, runtime: Runtime) {
    this.forward = forward;
    this.runtime = runtime;
  }

  /** @throws TabgradError ENGINE_UNSUPPORTED, ENGINE_FAILED */
  async get(purpose: Purpose, rows: number): Promise<Session> {
    const key = `${purpose} ${rows}`;
    const session = this.sessions.get(key) ?? (await createSession(graphFor[purpose](this.forward, rows), this.runtime));
    this.sessions.delete(key);
    this.sessions.set(key, session);
    if (this.sessions.size > maxSessions) await this.dropOldest();
    return session;
  }

  async close(): Promise<void> {
    const sessions = [...this.sessions.values()];
    this.sessions.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  private async dropOldest(): Promise<void> {
    const [[key, session]] = this.sessions;
    this.sessions.delete(key);
    await session.close();
  }
}
