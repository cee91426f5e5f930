// Starts the real command as a real process, and reads what it prints as it comes.
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

const bin = fileURLToPath(new URL("../../packages/cli/bin/tabgrad.js", import.meta.url));
/** Where commands run unless told otherwise: the repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** An event of `--json`; fields as docs/json.md lists them. */
export type JsonEvent = { readonly event: string } & Readonly<Record<string, unknown>>;

export interface Ended {
  readonly exitCode: number | null;
  /** What killed it. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<Command>();

/** No test leaves a process behind, whatever happens in it. */
afterEach(() => {
  for (const command of running) command.kill("SIGKILL");
});

export class Command {
  readonly ended: Promise<Ended>;
  readonly events: JsonEvent[] = [];
  private readonly child: ChildProcess;
  private stdout = "";
  private stderr = "";
  private over = false;
  private readonly watchers = new Set<() => void>();

  constructor(args: readonly string[], { env = {}, cwd = root }: { env?: Record<string, string>; cwd?: string } = {}) {
    this.child = spawn(process.execPath, [bin, ...args], {
      cwd,
      // Where CI is set, colours are on even in a pipe.
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    let rest = "";
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      if (args.includes("--json")) this.events.push(...lines.map((line) => JSON.parse(line) as JsonEvent));
      this.notify();
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.notify();
    });
    this.ended = new Promise((resolve) => {
      this.child.once("close", (exitCode, signal) => {
        this.over = true;
        running.delete(this);
        resolve({ exitCode, signal, stdout: this.stdout, stderr: this.stderr });
        this.notify();
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Nobody reads its standard output any more, as after `| head -1`. */
  closeOutput(): void {
    this.child.stdout!.destroy();
  }

  /** The first event that fits; waits for it, and fails if the process ends before. */
  event(name: string, fits: (event: JsonEvent) => boolean = () => true): Promise<JsonEvent> {
    return this.until(() => this.events.find((event) => event.event === name && fits(event)), `a "${name}" event`);
  }

  /** Tells of every event, of those that were before as well. */
  follow(listener: (event: JsonEvent) => void): void {
    let told = 0;
    const tell = (): void => {
      while (told < this.events.length) listener(this.events[told++]);
    };
    this.watchers.add(tell);
    tell();
  }

  /** Waits until stderr holds the text. */
  said(text: string | RegExp): Promise<string> {
    return this.until(() => (this.stderr.search(text) >= 0 ? this.stderr : undefined), `${String(text)} on stderr`);
  }

  private until<T>(find: () => T | undefined, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined && !this.over) return;
        this.watchers.delete(look);
        if (found !== undefined) resolve(found);
        else
          reject(
            new Error(`the command ended without ${what}; it printed:\n${this.stdout.slice(-2000)}\n${this.stderr.slice(-4000)}`),
          );
      };
      this.watchers.add(look);
      look();
    });
  }

  private notify(): void {
    for (const look of [...this.watchers]) look();
  }
}

/** Starts the command. */
export const tabgrad = (args: readonly string[], options?: { env?: Record<string, string>; cwd?: string }): Command =>
  new Command(args, options);
