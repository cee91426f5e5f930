// From an ONNX file to a model in TypeScript and its weights, or to the list of what stands in the way.
import { decodeModel, type DecodedGraph, type DecodedModel, type DecodedNode, type DecodedValueInfo } from "@tabgrad/cpu";
import { TabgradError, type Shape } from "@tabgrad/core";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Unknown, Unsupported } from "./node-reader.ts";
import { withPlainLookups } from "./lookups.ts";
import { rules } from "./rules/index.ts";
import type { Rule } from "./rules/rule.ts";
import { shapeRows, type Computed } from "./step.ts";
import { nodesFor, stepsFor, Translator, type Problem, type Translation } from "./translation.ts";

export interface ImportOptions {
  /** Of one sample, where the model leaves it open. */
  readonly inputShape?: Shape;
  /** Which of several results to take. Default: the first. */
  readonly output?: string;
}

/** @throws TabgradError DATA_NOT_FOUND, ONNX_INVALID, ONNX_UNSUPPORTED */
export async function translateOnnx(path: string, options: ImportOptions = {}): Promise<Translation> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new TabgradError(
      error.code === "ENOENT" ? "DATA_NOT_FOUND" : "DATA_UNREADABLE",
      error.code === "ENOENT" ? `There is no file ${path}` : `${path} cannot be read: ${error.message}`,
      "Name an ONNX model.",
      { cause: error },
    );
  });
  const model = decodeModel(bytes, { name: path, external: (...place) => externalBytes(path, ...place) });
  return translate(model, path, options);
}

function externalBytes(path: string, location: string, offset: number, length: number | undefined): Uint8Array {
  const file = join(dirname(path), location);
  try {
    const bytes = new Uint8Array(length ?? statSync(file).size - offset);
    const descriptor = openSync(file, "r");
    try {
      let filled = 0;
      for (let read = 1; filled < bytes.length && read > 0; filled += read)
        read = readSync(descriptor, bytes, filled, Math.min(2 ** 30, bytes.length - filled), offset + filled);
      if (filled < bytes.length) throw new Error(`it ends at ${offset + filled}, before ${offset + bytes.length}`);
    } finally {
      closeSync(descriptor);
    }
    return bytes;
  } catch (error) {
    throw new TabgradError(
      "ONNX_INVALID",
      `${path} keeps weights in ${file}, which cannot be read: ${(error as Error).message}`,
      "Put the file beside the model, under the name that it was written with.",
      { cause: error },
    );
  }
}

function translate(model: DecodedModel, path: string, options: ImportOptions): Translation {
  const graph = withPlainLookups(model.graph);
  const output = outputOf(graph, path, options.output);
  const input = inputOf(graph, path, options.inputShape);
  const translator = new Translator({ ...model, graph }, input);
  const problems: Problem[] = [];
  for (const node of nodesFor(graph, output.name)) {
    try {
      translator.take(node, ruleFor(node));
    } catch (error) {
      // What reads the result of a node that is no good is not to blame.
      if (error instanceof Unknown) continue;
      const isKnown = error instanceof Unsupported || error instanceof TabgradError;
      if (!isKnown) throw error;
      problems.push({ node: node.name || node.outputs[0], operation: node.type, why: error.message });
    }
  }
  const stated = translator.operand(output.name);
  const result = stated?.kind === "computed" && problems.length === 0 ? resultOf(stated, translator, path) : stated;
  if (problems.length === 0 && result?.kind !== "computed") {
    throw unsupported(
      path,
      `its result ${output.name} does not depend on its input ${input.name}`,
      "Name another result with --output.",
    );
  }
  if (problems.length === 0 && result?.kind === "computed" && result.value.shape[0] !== shapeRows)
    throw unsupported(path, `its result ${output.name} has not one row for each sample`, "Name another result with --output.");
  const steps = result?.kind === "computed" ? stepsFor(translator.steps, result.step) : [];
  const shape = result?.kind === "computed" ? result.value.shape.slice(1) : [];
  return { input, output: { name: output.name, step: steps.length - 1, shape }, steps, problems };
}

/** @throws TabgradError ONNX_UNSUPPORTED where its rows are not first */
function resultOf(result: Computed, translator: Translator, path: string): Computed {
  try {
    return translator.settled(result);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    throw unsupported(path, "its result has not one row for each sample", "Name another result with --output.");
  }
}

/** @throws Unsupported */
function ruleFor({ type, domain }: DecodedNode): Rule {
  if (domain !== "") throw new Unsupported(`it is not of the standard, but of ${domain}`);
  if (Object.hasOwn(rules, type)) return rules[type];
  throw new Unsupported("there is no such operation here");
}

function outputOf({ outputs }: DecodedGraph, path: string, name: string | undefined): DecodedValueInfo {
  const found = name === undefined ? outputs.at(0) : outputs.find((output) => output.name === name);
  if (found) return found;
  throw new TabgradError(
    "OPTION_INVALID",
    `--output ${name}: ${path} has no such result`,
    `There are: ${outputs.map((output) => output.name).join(", ")}.`,
  );
}

function inputOf({ inputs, initializers }: DecodedGraph, path: string, given: Shape | undefined) {
  // Older writers list weights as inputs, too.
  const weights = new Set(initializers.map(({ name }) => name));
  const fed = inputs.filter(({ name }) => !weights.has(name));
  const [input] = fed;
  if (fed.length !== 1 || input.type === undefined) {
    const names = fed.map(({ name }) => name).join(", ") || "none";
    throw unsupported(
      path,
      `it takes ${fed.length} inputs (${names}); expected one tensor`,
      "Export the part of it that takes one.",
    );
  }
  const [rows, ...sample] = input.shape ?? [];
  const shape: readonly (number | undefined)[] =
    given ?? sample.map((size) => (typeof size === "number" && size > 0 ? size : undefined));
  if (input.shape === undefined || shape.includes(undefined) || (given && given.length !== sample.length)) {
    const stated = input.shape ? `[${input.shape.map((size) => (size === "" ? "?" : size)).join(", ")}]` : "not stated";
    throw unsupported(
      path,
      given
        ? `the shape of its input ${input.name} is ${stated}, and --input-shape has ${given.length} dimensions`
        : `the shape of its input ${input.name} is ${stated}: only the first dimension may be open`,
      "Say what one sample looks like: --input-shape 3,224,224.",
    );
  }
  return { name: input.name, shape: shape as Shape, rows: typeof rows === "number" && rows > 0 ? rows : undefined };
}

/** @throws TabgradError ONNX_UNSUPPORTED where there are problems: all of them */
export function checkSupported({ problems }: Translation, path: string): void {
  if (problems.length === 0) return;
  const lines = problems.map(({ node, operation, why }) => `\n  ${node} (${operation}): ${why}`);
  throw unsupported(
    path,
    `${problems.length} of its nodes ${problems.length === 1 ? "has" : "have"} no counterpart here:${lines.join("")}`,
    "Export the model without them, or write those parts by hand: docs/onnx.md lists what there is.",
  );
}

const unsupported = (path: string, what: string, remedy: string): TabgradError =>
  new TabgradError("ONNX_UNSUPPORTED", `${path} cannot be imported: ${what}`, remedy);
