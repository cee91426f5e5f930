// The parameters that a run begins with: drawn from the seed or, where the run file names weights, taken from those as far as they match.
import { readWeights } from "@tabgrad/coordinator";
import {
  formatShape,
  initialParameters,
  parametersFrom,
  parameterSlots,
  type PretrainedParameters,
  type ResolvedRun,
} from "@tabgrad/core";
import { resolve } from "node:path";
import type { Logger } from "pino";

/** @throws TabgradError DATA_NOT_FOUND, CHECKPOINT_INVALID */
export async function initialVector(
  { graph, description: { seed, initialise } }: ResolvedRun,
  baseDirectory: string,
  log: Logger,
): Promise<Float32Array> {
  const drawn = initialParameters(graph, seed);
  if (initialise === undefined) return drawn;
  const { from, ...options } = typeof initialise === "string" ? { from: initialise } : initialise;
  const path = resolve(baseDirectory, from);
  const tensors = new Map((await readWeights(path)).map((tensor) => [tensor.name, tensor]));
  const { parameters, ...report } = parametersFrom(parameterSlots(graph), tensors, drawn, options);
  log.info({ from: path, ...report }, initialisationSentence(path, report));
  return parameters;
}

/** What begins where the weights' own training ended, and what does not. */
export function initialisationSentence(
  path: string,
  { matched, missing, mismatched, unused }: Omit<PretrainedParameters, "parameters">,
): string {
  const total = matched.length + missing.length + mismatched.length;
  const parts = [`${matched.length} of ${total} parameters begin as in ${path}`];
  if (missing.length > 0) parts.push(`not there, so begin at random: ${listed(missing)}`);
  if (mismatched.length > 0) {
    const pairs = mismatched.map(({ name, shape, found }) => `${name} ${formatShape(found)} instead of ${formatShape(shape)}`);
    parts.push(`of another shape, so begin at random: ${listed(pairs)}`);
  }
  if (unused.length > 0) parts.push(`not used: ${listed(unused)}`);
  return parts.join("; ");
}

/** A large model has hundreds; all of them are in the log's JSON. */
function listed(names: readonly string[]): string {
  const most = 12;
  return names.length > most ? `${names.slice(0, most).join(", ")} and ${names.length - most} more` : names.join(", ");
}
