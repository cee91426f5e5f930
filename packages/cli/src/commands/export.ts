// `tabgrad export`: a trained model for other software, as ONNX or as bare weights.
import { encodeSafetensors } from "@tabgrad/coordinator";
import { TabgradError } from "@tabgrad/core";
import { Command } from "commander";
import pc from "picocolors";
import { writeOnnx, type OnnxReport } from "../export/onnx.ts";
import { writeWhole } from "../export/write-file.ts";
import { options, type CommonOptions } from "../options.ts";
import { bytes } from "../output/format.ts";
import { openTrainedModel } from "../trained-model.ts";

interface ExportOptions extends CommonOptions {
  readonly onnx?: string;
  readonly safetensors?: string;
  readonly externalData?: true;
  readonly json?: true;
}

export const exportCommand = (): Command =>
  new Command("export")
    .description("write a trained model for other software: ONNX, or weights alone")
    .argument("<checkpoint>", "a checkpoint, or the folder of a run (its newest checkpoint)")
    .option("--onnx <file>", "write an ONNX model, which any ONNX runtime runs: weights and normalisation inside, any batch size")
    .option("--external-data", "put the weights of the ONNX model into a file beside it, as is done anyway from 2 GiB on")
    .option("--safetensors <file>", "write the weights alone, with the names and layout of PyTorch")
    .option("--json", "print what was written as one JSON object on stdout, and nothing else there")
    .addOption(options.verbose())
    .addOption(options.log())
    .action((path: string, given: ExportOptions) => exportModel(path, given));

/** @throws TabgradError */
async function exportModel(path: string, { onnx, safetensors, externalData, json }: ExportOptions): Promise<void> {
  if (onnx === undefined && safetensors === undefined) {
    throw new TabgradError(
      "OPTION_INVALID",
      "Neither --onnx nor --safetensors was given",
      `Say what to write: tabgrad export ${path} --onnx model.onnx`,
    );
  }
  if (externalData && onnx === undefined)
    throw new TabgradError("OPTION_INVALID", "--external-data was given without --onnx", "Leave it out, or add --onnx FILE.");
  const trained = await openTrainedModel(path);
  const written: { onnx?: OnnxReport; safetensors?: { path: string; bytes: number } } = {};
  if (onnx !== undefined) written.onnx = await writeOnnx(trained, onnx, { external: externalData });
  if (safetensors !== undefined) {
    const { name, step, weights } = trained;
    // What Hugging Face's tools ask a file of PyTorch's layout for.
    const file = encodeSafetensors(weights, { format: "pt", run: name, step: String(step) });
    await writeWhole(safetensors, [file]);
    written.safetensors = { path: safetensors, bytes: file.length };
  }
  process.stdout.write(json ? `${JSON.stringify({ checkpoint: trained.path, ...written })}\n` : text(trained.path, written));
}

function text(checkpoint: string, written: { onnx?: OnnxReport; safetensors?: { path: string; bytes: number } }): string {
  const lines = [`from ${checkpoint}`];
  if (written.onnx) lines.push(...onnxLines(written.onnx));
  if (written.safetensors) lines.push(`${pc.green("✓")} ${written.safetensors.path}, ${bytes(written.safetensors.bytes)}`);
  return `${lines.join("\n")}\n`;
}

function onnxLines({ path, bytes: size, weights, opset, inputs, outputs, difference }: OnnxReport): string[] {
  const faces = (all: OnnxReport["inputs"]): string => all.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ");
  return [
    `${pc.green("✓")} ${path}${weights === undefined ? "" : ` and ${weights}`}, ${bytes(size)}, operator set ${opset}`,
    `  takes ${faces(inputs)} and gives ${faces(outputs)}, all float32`,
    `  ONNX Runtime predicts with it what the engine does, but for ${difference.toExponential(0)} of the largest value`,
  ];
}
