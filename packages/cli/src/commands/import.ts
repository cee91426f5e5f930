// `tabgrad import`: a model from elsewhere as one that can be trained further.
import { encodeSafetensors } from "@tabgrad/coordinator";
import { elementCount, formatShape, TabgradError, type Layer, type Shape } from "@tabgrad/core";
import { Command, Option } from "commander";
import { access, rm } from "node:fs/promises";
import { basename, extname } from "node:path";
import pc from "picocolors";
import { writeWhole } from "../export/write-file.ts";
import { compareWithOriginal } from "../import/compare.ts";
import { checkSupported, translateOnnx } from "../import/import-onnx.ts";
import { modelSource } from "../import/source.ts";
import type { Translation } from "../import/translation.ts";
import { loadRunFile } from "../load-run.ts";
import { options, type CommonOptions } from "../options.ts";
import { bytes, count } from "../output/format.ts";

interface ImportCommandOptions extends CommonOptions {
  readonly out?: string;
  readonly output?: string;
  readonly inputShape?: Shape;
  readonly force?: true;
  readonly json?: true;
}

export const importCommand = (): Command =>
  new Command("import")
    .description("turn an ONNX model into a model for a run file, and its weights into a .safetensors file to begin with")
    .argument("<model>", "an ONNX model, such as torch.onnx.export writes")
    .option("--out <file>", "where the model goes; its weights go beside it (default: the model's name with .ts)")
    .option("--output <name>", "which of several results the model is to give (default: the first)")
    .addOption(
      new Option("--input-shape <sizes>", "what one sample looks like, where the model leaves it open: 3,224,224").argParser(
        shapeText,
      ),
    )
    .option("--force", "write over files that are there")
    .option("--json", "print what was written as one JSON object on stdout, and nothing else there")
    .addOption(options.verbose())
    .addOption(options.log())
    .action((path: string, given: ImportCommandOptions) => importModel(path, given));

function shapeText(text: string): Shape {
  const sizes = text.split(",").map(Number);
  if (sizes.every((size) => Number.isInteger(size) && size >= 1)) return sizes;
  throw new TabgradError(
    "OPTION_INVALID",
    `--input-shape ${text}: expected whole numbers from 1`,
    "Write, for example, --input-shape 3,224,224.",
  );
}

/** @throws TabgradError */
async function importModel(path: string, { out, output, inputShape, force, json }: ImportCommandOptions): Promise<void> {
  const target = out ?? `${basename(path, extname(path))}.ts`;
  if (extname(target) !== ".ts")
    throw new TabgradError(
      "OPTION_INVALID",
      `--out ${target}: expected the name of a TypeScript file`,
      "Write, for example, --out model.ts.",
    );
  const weightsFile = `${target.slice(0, -".ts".length)}.safetensors`;
  if (!force) await Promise.all([target, weightsFile].map(refuseExisting));

  const translation = await translateOnnx(path, { inputShape, output });
  checkSupported(translation, path);
  const { input, output: result } = translation;
  const { text, weights } = modelSource(translation, [
    `Made by tabgrad import from ${basename(path)}. A sample has the shape ${formatShape(input.shape)}, and the model gives ${formatShape(result.shape)} for it.`,
    `Its weights are in ${basename(weightsFile)}: begin with them by initialise, or --init.`,
  ]);
  const file = encodeSafetensors(weights, { format: "pt" });
  await writeWhole(target, [Buffer.from(text)]);
  await writeWhole(weightsFile, [file]);
  const difference = await checked(target, weightsFile, async () => {
    const { definition } = await loadRunFile(target);
    return compareWithOriginal(path, definition as Layer, weights, translation);
  });
  const parameters = weights.reduce((total, { shape }) => total + elementCount(shape), 0);
  const report = importReport(translation, { model: target, weights: weightsFile, parameters, difference });
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : reportText(report, file.length));
}

/** Leaves nothing behind that would compute something else than the original. */
async function checked<T>(target: string, weightsFile: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    await Promise.all([target, weightsFile].map((file) => rm(file, { force: true })));
    throw error;
  }
}

async function refuseExisting(file: string): Promise<void> {
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (exists)
    throw new TabgradError(
      "OUTPUT_UNWRITABLE",
      `${file} is there already`,
      "Write over it with --force, or choose another name with --out.",
    );
}

interface ImportReport {
  readonly model: string;
  readonly weights: string;
  readonly input: Shape;
  readonly output: Shape;
  readonly parameters: number;
  readonly difference: number;
}

/** What `--json` prints. */
export const importReport = (
  { input, output }: Pick<Translation, "input" | "output">,
  { model, weights, parameters, difference }: Omit<ImportReport, "input" | "output">,
): ImportReport => ({ model, weights, input: input.shape, output: output.shape, parameters, difference });

function reportText({ model, weights, input, output, parameters, difference }: ImportReport, size: number): string {
  const sign = pc.green("✓");
  const lines = [
    `${sign} ${model}: takes ${formatShape(input)} and gives ${formatShape(output)} for each sample`,
    `${sign} ${weights}: ${count(parameters)} parameters, ${bytes(size)}`,
    `  The engine predicts with them what ONNX Runtime does with the original, but for ${difference.toExponential(0)} of the largest value.`,
    "  In a run file beside them:",
    `    import model from "./${basename(model)}";`,
    `    export default defineRun({ model, initialise: "${basename(weights)}", … });`,
  ];
  return `${lines.join("\n")}\n`;
}
