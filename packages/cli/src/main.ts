// The `tabgrad` command.
import { exitCodes } from "@tabgrad/core";
import { Command, CommanderError } from "commander";
import { coordinatorCommand } from "./commands/coordinator.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { trainCommand } from "./commands/train.ts";
import { workerCommand } from "./commands/worker.ts";
import { reportFailure } from "./failure.ts";
import { version } from "./version.ts";

const program = new Command("tabgrad")
  .description("Train one neural network on every GPU you can reach.")
  .version(version)
  .showHelpAfterError("(add --help for the options)")
  .showSuggestionAfterError()
  .addCommand(trainCommand())
  .addCommand(coordinatorCommand())
  .addCommand(workerCommand())
  .addCommand(doctorCommand());

for (const command of [program, ...program.commands]) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what is wrong with the command line by itself.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else process.exitCode = reportFailure(error, process.argv);
}
