// `tabgrad worker`: computes for a coordinator, here or on another machine.
import { exitCodes, TabgradError } from "@tabgrad/core";
import { runWorker } from "@tabgrad/worker-node";
import { Command } from "commander";
import { availableParallelism, hostname } from "node:os";
import { interrupts } from "../interrupts.ts";
import { createLog } from "../log.ts";
import { options, type CommonOptions, type EngineChoice } from "../options.ts";
import { readTrusted } from "../tls/trusted.ts";

interface WorkerOptions extends CommonOptions {
  readonly engine: EngineChoice;
  readonly name?: string;
  readonly ca?: string;
  readonly threads?: number;
  /** Milliseconds; infinite for never. */
  readonly giveUpAfter: number;
}

export const workerCommand = (): Command =>
  new Command("worker")
    .description("compute for a coordinator; as many as you like, on as many machines")
    .argument("<url>", "the coordinator's address, such as http://127.0.0.1:7070")
    .addOption(options.engine())
    .addOption(options.name())
    .addOption(options.threads())
    .addOption(options.ca())
    .addOption(options.giveUpAfter())
    .addOption(options.verbose())
    .addOption(options.log())
    .action(async (url: string, given: WorkerOptions) => {
      process.exitCode = await work(url, given);
    });

async function work(url: string, given: WorkerOptions): Promise<number> {
  const signal = AbortSignal.any([interrupts(), parentGone()]);
  const log = createLog({ verbose: given.verbose ?? false, format: given.log });
  const { engine, giveUpAfter, name = `${hostname().slice(0, 40)}-${process.pid}`, threads = availableParallelism() } = given;
  const address = checkUrl(url);
  const ca = given.ca === undefined ? undefined : await trusted(given.ca, address);
  const giveUpMs = Number.isFinite(giveUpAfter) ? giveUpAfter : undefined;
  await runWorker({ url: address, ca, name, engine, threads, log, signal, giveUpMs });
  return signal.aborted && process.channel === undefined ? exitCodes.interrupted : 0;
}

/** A certificate that is never looked at protects nobody. */
function trusted(file: string, url: string): Promise<string> {
  if (url.startsWith("https:")) return readTrusted(file);
  throw new TabgradError(
    "OPTION_INVALID",
    `--ca was given for ${url}, which has no certificate`,
    "Write https:// instead of http://.",
  );
}

function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url.origin;
  throw new TabgradError(
    "OPTION_INVALID",
    `"${text}" is no address of a coordinator`,
    "Write it as the coordinator prints it: http://127.0.0.1:7070",
  );
}

/** Aborts when the process that started this one as a local worker is gone, however it ended. */
function parentGone(): AbortSignal {
  const controller = new AbortController();
  if (process.channel !== undefined) {
    process.once("disconnect", () => controller.abort("parent gone"));
    // Listening must not keep the process alive.
    process.channel?.unref();
  }
  return controller.signal;
}
