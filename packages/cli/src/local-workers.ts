// Workers as child processes of `tabgrad train`. They are `tabgrad worker` and nothing else; the channel to their parent only tells
// them when it is gone, so that none outlives it.
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../bin/tabgrad.js", import.meta.url));

export interface LocalWorkersOptions {
  readonly count: number;
  readonly url: string;
  readonly engine: string;
  /** Threads for each worker's engine. */
  readonly threads: number;
  readonly verbose: boolean;
  /** A line that a worker wrote on stderr. */
  readonly onLine: (name: string, line: string) => void;
  /** A worker's process ended, and nobody had asked it to. */
  readonly onExit: (name: string, end: WorkerEnd) => void;
}

export interface WorkerEnd {
  readonly exitCode: number | null;
  /** "ended with exit code 3", "was killed by SIGKILL" */
  readonly how: string;
  readonly lastLines: readonly string[];
}

export class LocalWorkers {
  private readonly children = new Map<string, ChildProcess>();
  private ending = false;

  constructor(options: LocalWorkersOptions) {
    for (let i = 1; i <= options.count; i++) this.start(`local-${i}`, options);
  }

  /** Resolves when all are gone; those that are not after `patienceMs` are killed. */
  async end(patienceMs: number): Promise<void> {
    this.ending = true;
    const left = [...this.children.values()];
    const gone = Promise.all(left.map((child) => new Promise<void>((resolve) => child.once("exit", () => resolve()))));
    const timer = setTimeout(() => this.kill(), patienceMs);
    left.forEach((child) => child.connected && child.disconnect());
    await gone;
    clearTimeout(timer);
  }

  kill(): void {
    for (const child of this.children.values()) child.kill("SIGKILL");
  }

  private start(name: string, { url, engine, threads, verbose, onLine, onExit }: LocalWorkersOptions): void {
    const args = ["worker", url, "--name", name, "--engine", engine, "--threads", String(threads), "--log", "json"];
    // A process group of its own: the terminal's Ctrl-C is for the parent, which ends the run in order.
    const child = fork(command, verbose ? [...args, "--verbose"] : args, {
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.children.set(name, child);
    const lastLines: string[] = [];
    let rest = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines.filter((candidate) => candidate !== "")) {
        lastLines.push(line);
        if (lastLines.length > 20) lastLines.shift();
        onLine(name, line);
      }
    });
    child.once("close", (exitCode, signal) => {
      this.children.delete(name);
      const how = signal === null ? `ended with exit code ${exitCode}` : `was killed by ${signal}`;
      if (!this.ending) onExit(name, { exitCode, how, lastLines });
    });
  }
}
