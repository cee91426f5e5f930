// Plays a FaultScript on a run of real processes. It goes by what the coordinator tells with --json and by nothing else.
import type { Reason } from "@tabgrad/core";
import { tabgrad, type Command, type Ended, type JsonEvent } from "./command.ts";
import type { Fault, FaultScript } from "./faults.ts";
import type { Corruption } from "./frame-tamper.ts";
import { ownPort } from "./port.ts";
import { TamperingProxy } from "./tampering-proxy.ts";

export interface FaultyRunOptions {
  readonly script: FaultScript;
  readonly runFile: string;
  /** Processes to keep running. */
  readonly workers: number;
  /** Below this many the run waits, so that it is not over before the script is. */
  readonly minWorkers: number;
  readonly out: string;
}

/** What came of it. */
export interface FaultyRunResult {
  readonly done: JsonEvent;
  /** Faults that took place, in the order in which they did, with the worker's name. */
  readonly played: readonly { readonly fault: Fault; readonly name?: string }[];
  /** Of all coordinators, in order. */
  readonly decisions: readonly Reason[];
  /** How often a coordinator said that a worker joined. */
  readonly joins: number;
  /** Of all workers, by name. */
  readonly ends: ReadonlyMap<string, Ended>;
}

interface Worker {
  readonly command: Command;
  readonly proxy?: TamperingProxy;
}

type WorkerFault = Exclude<Fault, { kind: "restartCoordinator" }>;

/** A worker whose uploads are to be refused so many times more; the next is spoilt once the run has come to `from`. */
interface Corrupting {
  readonly how: Corruption;
  readonly refusals: number;
  readonly from: number;
}

/** Steps after which a spoilt upload that nobody refused must have been one that nobody needed: another one is spoilt. */
const unnoticedSteps = 10;

export class FaultyRun {
  private readonly options: FaultyRunOptions;
  private coordinator!: Command;
  private url = "";
  private readonly workers = new Map<string, Worker>();
  private started = 0;
  /** By name, those that the coordinator takes for there, and that nothing has happened to; in the order in which they joined. */
  private readonly participants = new Set<string>();
  private pending: readonly Fault[];
  private readonly played: { fault: Fault; name?: string }[] = [];
  /** Faults that wait for their end. */
  private readonly endings = new Map<string, { untilStep: number; end: () => void }>();
  private readonly corrupting = new Map<string, Corrupting>();
  /** Workers that stand still so that the run needs the upload of another. */
  private readonly held = new Set<string>();
  private readonly decisions: Reason[] = [];
  private joins = 0;
  private step = 0;
  private isSaved = false;
  private over!: { resolve: (done: JsonEvent) => void; reject: (error: unknown) => void };

  private constructor(options: FaultyRunOptions) {
    this.options = options;
    this.pending = options.script.faults;
  }

  /** Resolves when the run is over and all its processes are gone. */
  static async play(options: FaultyRunOptions): Promise<FaultyRunResult> {
    const run = new FaultyRun(options);
    const over = new Promise<JsonEvent>((resolve, reject) => (run.over = { resolve, reject }));
    await run.coordinate([options.runFile, "--port", String(await ownPort()), "--out", options.out]);
    await Promise.all(Array.from({ length: options.workers }, () => run.work()));
    const done = await over;
    for (const { end } of run.endings.values()) end();
    run.release();
    if (run.pending.length > 0) throw new Error(`the run ended before ${JSON.stringify(run.pending)}`);
    await run.coordinator.ended;
    // Who was not there at the end waits for a coordinator to come.
    for (const { command } of run.workers.values()) command.kill("SIGKILL");
    const ends = await Promise.all([...run.workers].map(async ([name, { command }]) => [name, await command.ended] as const));
    return { done, played: run.played, decisions: run.decisions, joins: run.joins, ends: new Map(ends) };
  }

  private async coordinate(args: readonly string[]): Promise<void> {
    const coordinator = tabgrad(["coordinator", ...args, "--min-workers", String(this.options.minWorkers), "--json"]);
    this.coordinator = coordinator;
    void coordinator.ended.then(({ exitCode, stderr }) => {
      if (coordinator === this.coordinator) this.over.reject(new Error(`the coordinator ended with ${exitCode}: ${stderr}`));
    });
    this.url = (await coordinator.event("start")).url as string;
    coordinator.follow((event) => {
      // What a killed one had said before is still read.
      if (coordinator === this.coordinator) this.hear(event);
    });
  }

  private async work(): Promise<void> {
    const name = `worker-${++this.started}`;
    const needsProxy = this.options.script.faults.some(({ kind }) => kind === "partition" || kind === "corrupt");
    const proxy = needsProxy ? await TamperingProxy.open(Number(new URL(this.url).port)) : undefined;
    const command = tabgrad(["worker", proxy?.url ?? this.url, "--engine", "cpu", "--threads", "1", "--name", name]);
    this.workers.set(name, { command, proxy });
  }

  private hear(event: JsonEvent): void {
    switch (event.event) {
      case "step":
        this.step = event.step as number;
        break;
      case "checkpoint":
        this.isSaved = true;
        break;
      case "worker":
        this.comesOrGoes(event.name as string, event.state === "joined");
        break;
      case "decision":
        this.decided(event.reason as Reason);
        break;
      case "done":
        this.over.resolve(event);
    }
    this.endDue();
    this.playDue();
  }

  private comesOrGoes(name: string, joined: boolean): void {
    this.participants.delete(name);
    // Whoever stands still for long is given up: the run may have become too small to go on.
    if (!joined && this.held.has(name)) this.release();
    if (!joined) return;
    this.joins += 1;
    // A worker that hangs is no one to whom anything else may happen.
    if (!this.endings.has(name)) this.participants.add(name);
  }

  private decided(reason: Reason): void {
    this.decisions.push(reason);
    if (reason.kind === "refused") this.refused(reason.worker);
    // Whoever is sent away for good ends by itself; another one takes its place.
    if (reason.kind === "quarantined") void this.work().catch(this.over.reject);
  }

  private refused(name: string): void {
    const { how, refusals } = this.corrupting.get(name) ?? { refusals: 0 };
    this.corrupting.delete(name);
    // The others have to do it again before the next can be refused.
    if (how && refusals > 1) this.corrupting.set(name, { how, refusals: refusals - 1, from: this.step + 1 });
    this.release();
  }

  /** All others stand still, or the run might do without this worker for so long that it is over before. */
  private corrupt(name: string, { how, refusals }: Pick<Corrupting, "how" | "refusals">): void {
    this.corrupting.set(name, { how, refusals, from: this.step + unnoticedSteps });
    this.workers.get(name)!.proxy!.corruptNext(how);
    for (const other of this.participants) {
      if (this.corrupting.has(other)) continue;
      this.held.add(other);
      this.workers.get(other)!.command.kill("SIGSTOP");
    }
  }

  private release(): void {
    for (const name of this.held) this.workers.get(name)!.command.kill("SIGCONT");
    this.held.clear();
  }

  private endDue(): void {
    for (const [name, { untilStep, end }] of this.endings) {
      if (this.step < untilStep) continue;
      this.endings.delete(name);
      end();
    }
    for (const [name, corrupting] of this.corrupting) {
      if (this.step < corrupting.from) continue;
      this.release();
      this.corrupt(name, corrupting);
    }
  }

  /** Every fault whose step is there; one that finds nobody waits for the next who joins. */
  private playDue(): void {
    const due = this.pending.filter(({ step }) => step <= this.step);
    for (const fault of due) {
      if (fault.kind === "restartCoordinator") {
        // Without a checkpoint there is nothing to go on from.
        if (!this.isSaved) continue;
        this.tick(fault);
        // What else is due happens to those who come back.
        return this.restart();
      }
      const names = [...this.participants];
      if (names.length === 0) continue;
      const name = names[fault.worker % names.length];
      this.tick(fault, name);
      this.strike(fault, name);
    }
  }

  private tick(fault: Fault, name?: string): void {
    this.pending = this.pending.filter((other) => other !== fault);
    this.played.push({ fault, name });
  }

  private strike(fault: WorkerFault, name: string): void {
    const { command, proxy } = this.workers.get(name)!;
    switch (fault.kind) {
      case "kill":
        this.participants.delete(name);
        command.kill("SIGKILL");
        void this.work().catch(this.over.reject);
        return;
      case "stall":
        this.participants.delete(name);
        command.kill("SIGSTOP");
        this.endings.set(name, { untilStep: fault.untilStep, end: () => command.kill("SIGCONT") });
        return;
      case "partition":
        this.participants.delete(name);
        proxy!.partition();
        this.endings.set(name, { untilStep: fault.untilStep, end: () => proxy!.cut() });
        return;
      case "corrupt":
        // Nothing else happens to a worker that is to be sent away.
        if (fault.refusals > 1) this.participants.delete(name);
        return this.corrupt(name, fault);
      default:
        return fault satisfies never;
    }
  }

  private restart(): void {
    const killed = this.coordinator;
    // Its end is no accident, and what it says from here on is of no interest.
    this.coordinator = undefined!;
    this.participants.clear();
    killed.kill("SIGKILL");
    void killed.ended.then(() => this.coordinate(["--resume", this.options.out])).catch(this.over.reject);
  }
}

export const playFaults = (options: FaultyRunOptions): Promise<FaultyRunResult> => FaultyRun.play(options);
