// What the commands' options have in common: their wording, and how their values are checked.
import { bounds, TabgradError, type CheckpointInterval, type InitialiseOptions } from "@tabgrad/core";
import { Option, type Command } from "commander";
import { resolve } from "node:path";

export const engineChoices = ["cpu", "gpu", "auto"] as const;
export type EngineChoice = (typeof engineChoices)[number];

const wholeNumber =
  (name: string, from: number, to: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isInteger(value) && value >= from && value <= to) return value;
    throw new TabgradError(
      "OPTION_INVALID",
      `${name} ${text}: expected a whole number from ${from} to ${to}`,
      `Write, for example, ${name} ${Math.max(from, 1)}.`,
    );
  };

const number = (flag: string, description: string, from: number, to: number): Option =>
  new Option(`${flag} <number>`, description).argParser(wholeNumber(flag, from, to));

/** What can stand in a link as it is, and is no longer than a page may send. */
function tokenText(text: string): string {
  if (/^[\w.~-]{1,256}$/.test(text)) return text;
  throw new TabgradError(
    "OPTION_INVALID",
    `--control-token ${text.slice(0, 64)}: expected 1 to 256 letters, digits, or any of . _ ~ -`,
    "Leave the option out, and a token that nobody can guess is drawn.",
  );
}

/** What a coordinator takes. */
function workerName(text: string): string {
  const characters = text.trim() === "" ? 0 : [...text].length;
  if (characters > 0 && characters <= bounds.name) return text;
  throw new TabgradError(
    "OPTION_INVALID",
    `--name: the name has ${characters} characters; expected 1 to ${bounds.name}`,
    "Leave the option out, and the worker is called by its machine.",
  );
}

const intervalUnits = { s: "seconds", step: "steps", steps: "steps", epoch: "epochs", epochs: "epochs" } as const;

/** "30s", "200steps", "2epochs" or "end". */
function interval(text: string): CheckpointInterval {
  if (text === "end") return "end";
  const [, amount = "", unit = ""] = /^([\d.]+)\s*([a-z]+)$/.exec(text.trim()) ?? [];
  const field = Object.hasOwn(intervalUnits, unit) ? intervalUnits[unit as keyof typeof intervalUnits] : undefined;
  const value = Number(amount);
  if (field !== undefined && value > 0 && (field === "seconds" || Number.isInteger(value))) {
    return { [field]: value } as unknown as CheckpointInterval;
  }
  throw new TabgradError(
    "OPTION_INVALID",
    `--checkpoint-every ${text}: expected a number of seconds, steps or epochs, or "end"`,
    "Write, for example, --checkpoint-every 30s, --checkpoint-every 200steps or --checkpoint-every 2epochs.",
  );
}

const timeUnits = { s: 1_000, min: 60_000, h: 3_600_000 } as const;

/** "90s", "10min", "2h", or "never". @returns milliseconds */
function patience(text: string): number {
  if (text === "never") return Infinity;
  const [, amount = "", unit = ""] = /^([\d.]+)\s*([a-z]+)$/.exec(text.trim()) ?? [];
  const value = Number(amount) * (Object.hasOwn(timeUnits, unit) ? timeUnits[unit as keyof typeof timeUnits] : NaN);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new TabgradError(
    "OPTION_INVALID",
    `--give-up-after ${text}: expected a number of seconds, minutes or hours, or "never"`,
    "Write, for example, --give-up-after 90s, --give-up-after 10min or --give-up-after 2h.",
  );
}

/** Repeatable. */
const collected = (value: string, before: string[] = []): string[] => [...before, value];

export const options = {
  epochs: () => number("--epochs", "go through the data this often, instead of what the run file says", 1, 1_000_000),
  steps: () => number("--steps", "take this many steps, instead of what the run file says", 1, 1_000_000_000),
  seed: () => number("--seed", "decides everything that is left to chance", 0, 2 ** 32 - 1),
  init: () =>
    new Option(
      "--init <path>",
      "begin with the weights of a checkpoint, a run's folder or a .safetensors file, as far as names match",
    ),
  initPrefix: () =>
    new Option("--init-prefix <text>", 'what tensors\' names have before the names of the parameters, such as "model."'),
  initSkipMismatched: () => new Option("--init-skip-mismatched", "let parameters of another shape begin at random, too"),
  out: () => new Option("--out <folder>", "where checkpoints and the journal go (default: runs/NAME-TIME)"),
  resume: () =>
    new Option("--resume <folder>", "go on with the run in this folder, from its newest checkpoint; the run file may be left out"),
  checkpointEvery: () =>
    new Option(
      "--checkpoint-every <interval>",
      "save after so much time, or so many steps or epochs: 30s, 200steps, 2epochs or end",
    ).argParser(interval),
  cache: () =>
    new Option("--cache <folder>", "where fetched files and large datasets are kept (default: tabgrad's folder among your caches)"),
  keep: () => number("--keep", "newest checkpoints to keep, beside the best (default: 3)", 1, 1_000_000),
  json: () => new Option("--json", "print the run's events on stdout, one JSON object a line, and nothing else there"),
  set: () =>
    new Option("--set <path=value>", "change a field of the run file, such as batchSize=256 (repeatable)")
      .argParser(collected)
      .default([], "none"),
  engine: () => new Option("--engine <kind>", "what computes").choices(engineChoices).default("auto" satisfies EngineChoice),
  workers: () => number("--workers", "local worker processes to start", 1, 256).default(2),
  minWorkers: () => number("--min-workers", "compute only while at least this many workers are there", 1, 4096).default(1),
  port: () => number("--port", "port to listen on", 0, 65_535),
  host: () => new Option("--host <address>", "address to listen on; 0.0.0.0 lets other machines in").default("127.0.0.1"),
  tls: () => new Option("--tls", "speak https, too, with a certificate that is made for this machine and kept"),
  cert: () => new Option("--cert <file>", "speak https, too, with this certificate (PEM)"),
  key: () => new Option("--key <file>", "the private key of that certificate (PEM)"),
  controlToken: () =>
    new Option("--control-token <text>", "whoever knows it may control the run from the dashboard (default: drawn anew)").argParser(
      tokenText,
    ),
  stay: () => new Option("--stay", "go on serving the dashboard when the run is over, until Ctrl-C"),
  ca: () => new Option("--ca <file>", "trust this certificate over https (PEM): the one that the coordinator names when it starts"),
  name: () =>
    new Option("--name <name>", "what people see this worker as (default: host name and process number)").argParser(workerName),
  giveUpAfter: () =>
    new Option("--give-up-after <time>", "end if no coordinator has answered for so long: 90s, 10min, 2h or never")
      .argParser(patience)
      .default(timeUnits.h, "1h"),
  threads: () => number("--threads", "threads of the CPU engine (default: all cores, shared between local workers)", 1, 256),
  verbose: () => new Option("--verbose", "log more, and show stack traces"),
  log: () => new Option("--log <format>", "format of the log on stderr").choices(["auto", "json", "pretty"]).default("auto"),
};

/** Adds what every command that begins a run understands. */
export function withRunOptions(command: Command): Command {
  const { epochs, steps, seed, init, initPrefix, initSkipMismatched, out, resume, checkpointEvery, keep, cache, set } = options;
  const { json, verbose, log } = options;
  const begun = [epochs, steps, seed, init, initPrefix, initSkipMismatched, out, resume, checkpointEvery, keep, cache, set];
  for (const option of [...begun, json, verbose, log]) command.addOption(option());
  return command;
}

/** Adds what every command that listens understands. */
export function withServingOptions(command: Command, port: number): Command {
  command.addOption(options.port().default(port, port === 0 ? "any free one" : undefined));
  const { host, tls, cert, key, controlToken, stay } = options;
  for (const option of [host, tls, cert, key, controlToken, stay]) command.addOption(option());
  return command;
}

/** Which of the options have the values that they have by default. */
export const defaultsIn = (command: Command): ReadonlySet<"port" | "host"> =>
  new Set((["port", "host"] as const).filter((name) => command.getOptionValueSource(name) === "default"));

export interface CommonOptions {
  readonly verbose?: true;
  readonly log: "auto" | "json" | "pretty";
}

export interface RunOptions extends CommonOptions {
  readonly epochs?: number;
  readonly steps?: number;
  readonly seed?: number;
  readonly init?: string;
  readonly initPrefix?: string;
  readonly initSkipMismatched?: true;
  readonly out?: string;
  readonly resume?: string;
  readonly checkpointEvery?: CheckpointInterval;
  readonly keep?: number;
  readonly cache?: string;
  readonly json?: true;
  readonly set: readonly string[];
}

export interface ServingOptions {
  readonly port: number;
  readonly host: string;
  /** Those of these that nobody chose: a run that goes on listens where it did before. */
  readonly byDefault?: ReadonlySet<"port" | "host">;
  readonly tls?: true;
  readonly cert?: string;
  readonly key?: string;
  readonly controlToken?: string;
  readonly stay?: true;
}

/** The options that are changes of the run file, as `--set` would have them. */
export function overridesOf(given: RunOptions): string[] {
  const { epochs, steps, seed, checkpointEvery, set } = given;
  durationOf(given);
  const named = Object.entries({ epochs, steps, seed, checkpointEvery, initialise: initialiseOf(given) }).flatMap(
    ([name, value]) => (value === undefined ? [] : [`${name}=${JSON.stringify(value)}`]),
  );
  return [...set, ...named];
}

/** From where to begin; a path on the command line is relative to where that is typed. @throws TabgradError OPTION_INVALID */
function initialiseOf({ init, initPrefix, initSkipMismatched }: RunOptions): InitialiseOptions | undefined {
  if (init !== undefined) return { from: resolve(init), prefix: initPrefix, skipMismatched: initSkipMismatched };
  const stray = initPrefix !== undefined ? "--init-prefix" : initSkipMismatched ? "--init-skip-mismatched" : undefined;
  if (stray === undefined) return undefined;
  throw new TabgradError(
    "OPTION_INVALID",
    `${stray} was given without --init`,
    "Say where the weights are, too: --init model.safetensors. What the run file says under initialise has its options there.",
  );
}

/** How long the command line says that the run goes on; undefined where it says nothing. @throws TabgradError OPTION_INVALID */
export function durationOf({ epochs, steps }: RunOptions): { epochs: number } | { steps: number } | undefined {
  if (epochs !== undefined && steps !== undefined) {
    throw new TabgradError("OPTION_INVALID", "--epochs and --steps were both given", "Give one of them.");
  }
  if (epochs !== undefined) return { epochs };
  return steps === undefined ? undefined : { steps };
}
