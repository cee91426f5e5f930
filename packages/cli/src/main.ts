// The `tabgrad` command.
import { exitCodes } from "@tabgrad/core";
import { Command, CommanderError } from "commander";
import { reportFailure } from "./failure.ts";
import { version } from "./version.ts";

/** Loaded when asked for: a worker has no use for what a coordinator needs, and a small heap is quickly collected. */
const commands = {
  train: async () => (await import("./commands/train.ts")).trainCommand(),
  coordinator: async () => (await import("./commands/coordinator.ts")).coordinatorCommand(),
  worker: async () => (await import("./commands/worker.ts")).workerCommand(),
  predict: async () => (await import("./commands/predict.ts")).predictCommand(),
  inspect: async () => (await import("./commands/inspect.ts")).inspectCommand(),
  export: async () => (await import("./commands/export.ts")).exportCommand(),
  import: async () => (await import("./commands/import.ts")).importCommand(),
  audit: async () => (await import("./commands/audit.ts")).auditCommand(),
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
};

const program = new Command("tabgrad")
  .description("Train one neural network on every GPU you can reach.")
  .version(version)
  .showHelpAfterError("(add --help for the options)")
  .showSuggestionAfterError();
const asked = Object.entries(commands).filter(([name]) => name === process.argv[2]);
for (const [, load] of asked.length > 0 ? asked : Object.entries(commands)) program.addCommand(await load());

for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what is wrong with the command line by itself.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else process.exitCode = reportFailure(error, process.argv);
}
