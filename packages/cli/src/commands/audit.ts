// `tabgrad audit`: proves from what a run left behind that every sample counted exactly once.
import { auditFolder, type AuditReport } from "@tabgrad/coordinator";
import { TabgradError } from "@tabgrad/core";
import { Command } from "commander";
import { resolve } from "node:path";
import pc from "picocolors";
import { options, type CommonOptions } from "../options.ts";
import { count, percent } from "../output/format.ts";

interface AuditOptions extends CommonOptions {
  readonly json?: true;
}

export const auditCommand = (): Command =>
  new Command("audit")
    .description("prove from a run's journal that every sample of every epoch counted exactly once")
    .argument("<folder>", "the folder that a run wrote to, such as runs/mlp-20260101-120000")
    .option("--json", "print what was found as one JSON object on stdout, and nothing else there")
    .addOption(options.verbose())
    .addOption(options.log())
    .action((folder: string, given: AuditOptions) => inspect(resolve(folder), given));

/** @throws TabgradError AUDIT_FAILED where something is wrong */
async function inspect(folder: string, { json }: AuditOptions): Promise<void> {
  const report = await auditFolder(folder);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : text(report));
  const { flaw } = report;
  if (flaw) {
    throw new TabgradError(
      "AUDIT_FAILED",
      flaw.step === 0 ? `${folder}: ${flaw.what}` : `${folder}: step ${flaw.step} is wrong: ${flaw.what}`,
      "Do not rely on this run's parameters. If nobody changed its files, report it with the journal.",
    );
  }
}

function text(report: AuditReport): string {
  const { steps, samples, wholeEpochs, resumptions, repeatedSteps, discarded, workers, learningRates, checkpoint, flaw } = report;
  const some = (amount: number, noun: string): string => `${count(amount)} ${noun}${amount === 1 ? "" : "s"}`;
  const lines = [
    flaw
      ? `${pc.red("✗")} ${some(steps, "step")}, of which not all are proven`
      : `${pc.green("✓")} ${some(steps, "step")}, ${some(wholeEpochs, "whole epoch")}: every microbatch counted once, ${some(samples, "sample")} in all`,
    `  checkpoint of step ${count(checkpoint.step)}: parameters ${checkpoint.parametersSha256}`,
    ...workers.map(
      (worker) =>
        `  ${worker.name}: ${some(worker.samples, "sample")} in ${count(worker.microbatches)} microbatches (${percent(worker.share, 1)})`,
    ),
    `  ${some(resumptions, "resumption")}, ${some(repeatedSteps, "step")} taken again; ${some(discarded, "contribution")} discarded`,
    ...learningRates.slice(1).map(({ step, learningRate }) => `  learning rate ${learningRate} from step ${count(step)} on`),
  ];
  return `${lines.join("\n")}\n`;
}
