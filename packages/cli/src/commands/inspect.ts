// `tabgrad inspect`: what a checkpoint, or a file of weights, holds, and whether it is whole.
import { findCheckpoint } from "@tabgrad/coordinator";
import { TabgradError } from "@tabgrad/core";
import { Command } from "commander";
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { checkFiles, inspectCheckpoint } from "../inspect/checkpoint.ts";
import { checkpointText, weightsText } from "../inspect/text.ts";
import { inspectWeights } from "../inspect/weights.ts";
import { options, type CommonOptions } from "../options.ts";

interface InspectOptions extends CommonOptions {
  readonly json?: true;
}

export const inspectCommand = (): Command =>
  new Command("inspect")
    .description("say what a checkpoint or a .safetensors file holds, and whether it is whole")
    .argument("<path>", "a checkpoint, the folder of a run (its newest checkpoint), or a .safetensors file")
    .option("--json", "print what was found as one JSON object on stdout, and nothing else there")
    .addOption(options.verbose())
    .addOption(options.log())
    .action((path: string, given: InspectOptions) => inspect(path, given));

/** @throws TabgradError CHECKPOINT_INVALID where something is damaged, after saying what was found */
async function inspect(path: string, { json }: InspectOptions): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) {
    throw new TabgradError(
      "DATA_NOT_FOUND",
      `There is nothing at ${path}`,
      "Name a checkpoint's folder, a run's folder or a .safetensors file.",
    );
  }
  const print = (findings: object, text: string): void => void process.stdout.write(json ? `${JSON.stringify(findings)}\n` : text);
  if (found.isFile() && basename(path) !== "manifest.json") {
    const findings = await inspectWeights(path);
    print(findings, weightsText(findings));
    return;
  }
  const { findings, table } = await inspectCheckpoint(found.isFile() ? dirname(path) : await findCheckpoint(path));
  print(findings, checkpointText(findings, table));
  checkFiles(findings);
}
