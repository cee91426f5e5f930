// `tabgrad coordinator`: shares a run out to workers that come by themselves.
import { errorKinds, exitCodes, TabgradError, type DoneEvent } from "@tabgrad/core";
import { Command } from "commander";
import { interrupts, outputClosed } from "../interrupts.ts";
import { defaultsIn, options, withRunOptions, withServingOptions, type RunOptions, type ServingOptions } from "../options.ts";
import { createReport } from "../output/report.ts";
import { lingerAfter, prepareRun, whileServed } from "../run.ts";

interface CoordinatorCommandOptions extends RunOptions, ServingOptions {
  readonly minWorkers: number;
}

export const coordinatorCommand = (): Command =>
  withServingOptions(withRunOptions(new Command("coordinator")), 7070)
    .description("coordinate a run for workers that join over the network")
    .argument("[run-file]", "a run file, such as examples/mnist/mlp.ts")
    .addOption(options.minWorkers())
    .action(async (file: string | undefined, given: CoordinatorCommandOptions, command: Command) => {
      process.exitCode = await coordinate(file, { ...given, byDefault: defaultsIn(command) });
    });

async function coordinate(file: string | undefined, given: CoordinatorCommandOptions): Promise<number> {
  const signal = interrupts();
  const report = createReport(given);
  const prepared = await prepareRun(file, given, { ...report, signal });
  return whileServed(prepared, { ...given, startWorkers: given.minWorkers }, report, async (coordinator) => {
    stopOnInterrupt(signal, coordinator.stop.bind(coordinator));
    const done = await coordinator.done;
    if (given.stay) await lingerAfter(coordinator, signal, report.log);
    return exitCodeOf(done);
  });
}

export function stopOnInterrupt(signal: AbortSignal, stop: (why: string) => void): void {
  const now = (): void => stop(whyStopped(signal.reason));
  if (signal.aborted) now();
  else signal.addEventListener("abort", now, { once: true });
}

function whyStopped(reason: unknown): string {
  if (reason === outputClosed) return "stopped: nobody reads its output any more";
  return `stopped by ${reason === "SIGINT" ? "Ctrl-C" : String(reason)}`;
}

/** The exit code of a run that finished or was stopped. @throws TabgradError DIVERGED */
export function exitCodeOf({ outcome, why, code, checkpoint }: DoneEvent): number {
  if (outcome === "diverged") {
    const kept = checkpoint ? `The checkpoint from before is kept: ${checkpoint}` : "There is no checkpoint from before.";
    throw new TabgradError("DIVERGED", `Training diverged at ${why}`, `Lower the learning rate, or normalise the data. ${kept}`);
  }
  return code === undefined ? 0 : exitCodes[errorKinds[code]];
}
