// `tabgrad train`: a coordinator and local workers, with one command.
import { errorKinds, TabgradError, type ErrorCode } from "@tabgrad/core";
import { Command } from "commander";
import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { interrupts } from "../interrupts.ts";
import { LocalWorkers } from "../local-workers.ts";
import {
  defaultsIn,
  options,
  withRunOptions,
  withServingOptions,
  type EngineChoice,
  type RunOptions,
  type ServingOptions,
} from "../options.ts";
import { createReport } from "../output/report.ts";
import { lingerAfter, prepareRun, whileServed } from "../run.ts";
import { exitCodeOf, stopOnInterrupt } from "./coordinator.ts";

interface TrainOptions extends RunOptions, ServingOptions {
  readonly workers: number;
  readonly engine: EngineChoice;
  readonly threads?: number;
}

/** Why a run is stopped that has lost all its local workers. */
const allFailed = "all workers failed";

/** What workers get to leave by themselves when the run is over. */
const patienceMs = 3_000;

export const trainCommand = (): Command =>
  withServingOptions(withRunOptions(new Command("train")), 0)
    .description("train on this machine: a coordinator and local workers")
    .argument("[run-file]", "a run file, such as examples/mnist/mlp.ts")
    .addOption(options.workers())
    .addOption(options.engine())
    .addOption(options.threads())
    .action(async (file: string | undefined, given: TrainOptions, command: Command) => {
      process.exitCode = await train(file, { ...given, byDefault: defaultsIn(command) });
    });

async function train(file: string | undefined, given: TrainOptions): Promise<number> {
  let workers: LocalWorkers | undefined;
  const signal = interrupts(() => workers?.kill());
  process.on("exit", () => workers?.kill());
  const report = createReport(given);
  const { log } = report;
  const prepared = await prepareRun(file, given, { ...report, signal });
  return whileServed(prepared, { ...given, startWorkers: given.workers, minWorkers: 1 }, report, async (coordinator) => {
    const failures = new Failures(given.workers);
    const hear = listener(log);
    const team = new LocalWorkers({
      count: given.workers,
      url: coordinator.url,
      engine: given.engine,
      threads: given.threads ?? Math.max(1, Math.floor(availableParallelism() / given.workers)),
      verbose: given.verbose ?? false,
      onLine: hear,
      onExit(name, { exitCode, how, lastLines }) {
        // A worker that was told that the run is over may be gone before the last checkpoint is written.
        if (exitCode === 0) return;
        failures.add(name, how, lastLines);
        log.warn(`${name} ${how}`);
        if (failures.all) coordinator.stop(allFailed);
      },
    });
    workers = team;
    stopOnInterrupt(signal, coordinator.stop.bind(coordinator));
    const done = await coordinator.done.finally(() => team.end(patienceMs));
    if (done.why === allFailed) throw failures.error();
    if (given.stay) await lingerAfter(coordinator, signal, log);
    return exitCodeOf(done);
  });
}

/** A worker's log line, as pino writes it. */
interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
  readonly remedy?: string;
  /** In the line that says what the worker computes on. */
  readonly device?: string;
}

function parseLine(line: string): LogLine | undefined {
  try {
    const parsed = JSON.parse(line) as Partial<LogLine>;
    return typeof parsed.level === "number" && typeof parsed.msg === "string" ? (parsed as LogLine) : undefined;
  } catch {
    return undefined;
  }
}

/** Passes workers' log lines on; what several of them say in the same words is said once. */
function listener(log: Logger): (name: string, line: string) => void {
  const said = new Set<string>();
  return (name, line) => {
    const parsed = parseLine(line);
    const text = parsed?.msg ?? line;
    // What is no log line of ours, a library has written past us.
    const level = parsed ? (log.levels.labels[parsed.level] ?? "info") : "debug";
    // Failures are told once, at the end, with their remedy; of comings and goings the coordinator tells.
    const routine = level === "info" && parsed?.device === undefined;
    if (said.has(text) || parsed?.code !== undefined || routine) return;
    said.add(text);
    log[level as "info"]({ worker: name }, text);
  };
}

/** What the local workers that ended by themselves died of. */
class Failures {
  private readonly lines = new Map<string, readonly string[]>();
  private readonly count: number;

  constructor(count: number) {
    this.count = count;
  }

  add(name: string, how: string, lastLines: readonly string[]): void {
    this.lines.set(name, lastLines.length > 0 ? lastLines : [`${name} ${how}`]);
  }

  get all(): boolean {
    return this.lines.size === this.count;
  }

  /** The failure that a worker named, or else its last words. */
  error(): TabgradError {
    const all = [...this.lines.values()].flat();
    for (const line of all) {
      const { code, msg, remedy } = parseLine(line) ?? {};
      if (code !== undefined && code in errorKinds && msg !== undefined)
        return new TabgradError(code as ErrorCode, msg, remedy ?? "");
    }
    return new TabgradError(
      "WORKERS_FAILED",
      `All ${this.count} local workers ended: ${all.slice(-3).join(" ")}`,
      "Run the same command with --verbose, or see what `npx tabgrad doctor` finds.",
    );
  }
}
