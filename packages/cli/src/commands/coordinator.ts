// `tabgrad coordinator`: shares a run out to workers that come by themselves.
import { errorKinds, exitCodes, TabgradError, type DoneEvent } from "@tabgrad/core";
import { Command } from "commander";
import { networkInterfaces } from "node:os";
import { interrupts } from "../interrupts.ts";
import { options, withRunOptions, type RunOptions } from "../options.ts";
import { createReport } from "../output/report.ts";
import { listenFor, prepareRun } from "../run.ts";

interface CoordinatorCommandOptions extends RunOptions {
  readonly port: number;
  readonly host: string;
  readonly minWorkers: number;
}

export const coordinatorCommand = (): Command =>
  withRunOptions(new Command("coordinator"))
    .description("coordinate a run for workers that join over the network")
    .argument("<run-file>", "a run file, such as examples/mnist/mlp.ts")
    .addOption(options.port().default(7070))
    .addOption(options.host())
    .addOption(options.minWorkers())
    .action(async (file: string, given: CoordinatorCommandOptions) => {
      process.exitCode = await coordinate(file, given);
    });

async function coordinate(file: string, given: CoordinatorCommandOptions): Promise<number> {
  const signal = interrupts();
  const { log, show } = createReport(given);
  const prepared = await prepareRun(file, given, log);
  const { host, port, minWorkers } = given;
  const coordinator = await listenFor(prepared, { host, port, minWorkers, startWorkers: minWorkers }, show, log);
  for (const url of joinAddresses(host, coordinator.port)) log.info(`Join with: npx tabgrad worker ${url}`);
  stopOnInterrupt(signal, coordinator.stop.bind(coordinator));
  return exitCodeOf(await coordinator.done);
}

export function stopOnInterrupt(signal: AbortSignal, stop: (why: string) => void): void {
  const now = (): void => stop(`stopped by ${signal.reason === "SIGINT" ? "Ctrl-C" : String(signal.reason)}`);
  if (signal.aborted) now();
  else signal.addEventListener("abort", now, { once: true });
}

/** The exit code of a run that finished or was stopped. @throws TabgradError DIVERGED */
export function exitCodeOf({ outcome, why, code, checkpoint }: DoneEvent): number {
  if (outcome === "diverged") {
    const kept = checkpoint ? `The checkpoint from before is kept: ${checkpoint}` : "There is no checkpoint from before.";
    throw new TabgradError("DIVERGED", `Training diverged at ${why}`, `Lower the learning rate, or normalise the data. ${kept}`);
  }
  return code === undefined ? 0 : exitCodes[errorKinds[code]];
}

/** Where workers find the coordinator: this machine's name for itself, and every address if it listens on all of them. */
function joinAddresses(host: string, port: number): string[] {
  if (host !== "0.0.0.0" && host !== "::") return [`http://${host.includes(":") ? `[${host}]` : host}:${port}`];
  const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === "IPv4" && !internal),
  );
  return ["127.0.0.1", ...others.map(({ address }) => address)].map((address) => `http://${address}:${port}`);
}
