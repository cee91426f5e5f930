// One stay in a run, from the wish to join to the end: session, engine and network of a tab, and what the page is told of them.
import {
  activityOf,
  type Engine,
  EngineCompute,
  type EngineKind,
  type Readiness,
  type SessionReport,
  type SessionState,
  type Welcome,
  type WorkerHost,
  WorkerSession,
} from "@tabgrad/core";
import manifest from "../../package.json" with { type: "json" };
import { fetchShard } from "./tab-shards.ts";
import { type Failure, failureOf, type TabEnd, type TabStatus } from "./messages.ts";
import { hexadecimal, sha256 } from "./sha256.ts";
import { SteadyActivity } from "./steady-activity.ts";
import { TabSocket } from "./tab-socket.ts";
import { throttle } from "./throttle.ts";
import { Traffic } from "./traffic.ts";

/** The page is told at most so often, and at least so often. */
const statusEveryMs = 100;
const statusLeastMs = 1000;
/** The longest text that `Hello.device` may be. */
const deviceCharacters = 256;

export interface TabSessionOptions {
  /** Of the page, and with that of the coordinator. */
  readonly url: string;
  readonly name: string;
  /** Open; closed when the session has ended. */
  readonly engine: Engine;
  /** Opens another one in place of one that failed. */
  readonly reopen: () => Promise<Engine>;
  readonly wanted: Readiness;
  readonly tell: (status: TabStatus) => void;
}

const clock = {
  now: () => performance.now(),
  timer: (ms: number, fire: () => void) => void setTimeout(fire, ms),
};

export class TabSession {
  readonly #options: TabSessionOptions;
  readonly #session: WorkerSession;
  readonly #compute: EngineCompute;
  readonly #traffic = new Traffic();
  readonly #activity = new SteadyActivity();
  readonly #tell: () => void;
  readonly #since = Date.now();
  /** The run that the ids below are of. */
  #runId: string | undefined;
  #ids: readonly string[] = [];
  #trouble: Failure | undefined;
  #isOver = false;

  constructor(options: TabSessionOptions) {
    const { engine, reopen, name, wanted, tell } = options;
    this.#options = options;
    this.#compute = new EngineCompute(engine, { reopen });
    const identity = {
      workerId: hexadecimal(crypto.getRandomValues(new Uint8Array(16))),
      name,
      host: "tab",
      engine: engine.kind,
      device: [...engine.device].slice(0, deviceCharacters).join(""),
      software: `tabgrad ${manifest.version}`,
    };
    this.#tell = throttle(statusEveryMs, clock, () => {
      if (!this.#isOver) tell(this.#status(engine.kind, identity.device));
    });
    this.#session = new WorkerSession({ identity }, this.#host(), this.#compute);
    this.#session.setAvailability(wanted.state, wanted.reason);
  }

  /** Takes part until the run is over, or `leave`. The engine is closed when this settles. */
  async run(): Promise<TabEnd> {
    const pulse = setInterval(() => this.#tell(), statusLeastMs);
    try {
      this.#session.start();
      const outcome = await this.#session.outcome;
      return outcome.kind === "failed" ? { kind: "failed", failure: failureOf(outcome.error) } : outcome;
    } finally {
      clearInterval(pulse);
      this.#isOver = true;
      // The run went well, or the reason why it did not is known; what an engine says at its end adds nothing.
      await this.#compute.close().catch(() => undefined);
    }
  }

  setAvailability({ state, reason }: Readiness): void {
    this.#session.setAvailability(state, reason);
  }

  leave(reason: string): void {
    this.#session.leave(reason);
  }

  #host(): WorkerHost {
    const { url } = this.#options;
    return {
      now: clock.now,
      timer(ms, fire) {
        const timeout = setTimeout(fire, ms);
        return () => clearTimeout(timeout);
      },
      openSocket: (events) => new TabSocket(url, this.#traffic, events),
      fetchShard: (shard, signal) => fetchShard(url, shard, this.#traffic, signal),
      sha256,
      report: (report) => this.#note(report),
      changed: (state) => this.#changed(state),
    };
  }

  #changed(state: SessionState): void {
    this.#activity.note(activityOf(state), clock.now());
    if (state.phase.name === "open" && state.run) this.#learn(state.run);
    this.#tell();
  }

  /** A coordinator that was started again for another run counts its workers anew. */
  #learn({ runId, worker }: Welcome): void {
    if (runId !== this.#runId) this.#ids = [];
    this.#runId = runId;
    if (this.#ids.at(-1) !== worker) this.#ids = [...this.#ids, worker];
  }

  #note(report: SessionReport): void {
    switch (report.type) {
      case "joined":
      case "rebuilt":
        this.#trouble = undefined;
        return;
      case "retrying":
      case "stillRetrying":
      case "rebuilding":
      case "assignmentFailed":
        this.#trouble = failureOf(report.error);
        return;
      default:
        return report satisfies never;
    }
  }

  #status(engine: EngineKind, device: string): TabStatus {
    return {
      engine,
      device,
      activity: this.#activity.shown(clock.now()),
      ids: this.#ids,
      wanted: this.#session.state.wanted,
      bytesUp: this.#traffic.up,
      bytesDown: this.#traffic.down,
      since: this.#since,
      trouble: this.#trouble,
    };
  }
}
