// A run of real processes that workers join and leave while it is measured.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
// As npm links it, with the flags that its first line gives Node.
const command = join(root, "node_modules/.bin/tabgrad");

interface Told {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A step as the coordinator told of it. */
export interface LiveStep {
  readonly step: number;
  readonly samples: number;
  /** Of each contribution that counted. `microbatches`: runs of neighbours, the first one of each and how many. */
  readonly shares: readonly {
    readonly name: string;
    readonly endedAt: number;
    readonly microbatches: readonly (readonly [first: number, count: number])[];
  }[];
}

export class LiveRun {
  private readonly coordinator: ChildProcess;
  private readonly out: string;
  private readonly workers = new Set<ChildProcess>();
  private readonly waiting = new Set<(event: Told) => void>();
  /** Workers that the coordinator takes for there, by name. */
  private readonly present = new Set<string>();
  private url = "";
  private samples = 0;
  readonly steps: LiveStep[] = [];

  /** Begins a run that goes on until `end`. */
  static async begin(file: string, ...settings: readonly string[]): Promise<LiveRun> {
    const run = new LiveRun(file, settings);
    run.url = (await run.told((event) => event.event === "start")).url as string;
    return run;
  }

  private constructor(file: string, settings: readonly string[]) {
    this.out = mkdtempSync(join(tmpdir(), "tabgrad-bench-"));
    const all = ["steps=1000000", "evaluateEvery=end", "checkpointEvery=end", ...settings];
    const args = ["coordinator", file, "--port", "0", "--json", "--out", this.out];
    this.coordinator = spawn(command, [...args, ...all.flatMap((setting) => ["--set", setting])], {
      cwd: root,
      stdio: ["ignore", "pipe", "ignore"],
    });
    createInterface({ input: this.coordinator.stdout! }).on("line", (line) => this.hear(JSON.parse(line) as Told));
  }

  private hear(event: Told): void {
    if (event.event === "step") {
      const step = event as unknown as LiveStep;
      this.samples += step.samples;
      this.steps.push(step);
    }
    if (event.event === "worker") this.present[event.state === "joined" ? "add" : "delete"](event.name as string);
    for (const listener of this.waiting) listener(event);
  }

  private told(fits: (event: Told) => boolean): Promise<Told> {
    return new Promise((resolve) => {
      const listener = (event: Told): void => {
        if (!fits(event)) return;
        this.waiting.delete(listener);
        resolve(event);
      };
      this.waiting.add(listener);
    });
  }

  /** Starts a worker of one thread; resolves when it has joined. */
  async join(name: string): Promise<ChildProcess> {
    const worker = spawn(command, ["worker", this.url, "--engine", "cpu", "--threads", "1", "--name", name], {
      cwd: root,
      stdio: "ignore",
    });
    this.workers.add(worker);
    await this.told(() => this.present.has(name));
    return worker;
  }

  /** Kills a worker; resolves when the coordinator has said that it is gone. */
  async kill(worker: ChildProcess, name: string): Promise<void> {
    worker.kill("SIGKILL");
    this.workers.delete(worker);
    // It may have lost its connection before.
    if (this.present.has(name)) await this.told(() => !this.present.has(name));
  }

  /** Samples a second in the coming so many milliseconds. */
  async rate(milliseconds: number): Promise<number> {
    const began = performance.now();
    const before = this.samples;
    await sleep(milliseconds);
    return ((this.samples - before) / (performance.now() - began)) * 1000;
  }

  /** Lets the run take so many steps more. */
  async take(steps: number): Promise<void> {
    const until = this.steps.length + steps;
    await this.told(() => this.steps.length >= until);
  }

  /** Ends the run and all its processes. */
  async end(): Promise<void> {
    for (const worker of this.workers) worker.kill("SIGKILL");
    this.coordinator.kill("SIGINT");
    await once(this.coordinator, "exit");
    rmSync(this.out, { recursive: true, force: true });
  }
}
