// Parameters that begin where another model ended: tensors from a file, matched by name and shape.
import { TabgradError } from "../errors.ts";
import type { ParameterSlot } from "../graph/graph.ts";
import { elementCount, formatShape, sameShape, type Shape } from "../graph/shape.ts";

/** A tensor as a file of weights has it, row-major. */
export interface NamedTensor {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

export interface PretrainedOptions {
  /** Only tensors whose name begins so are taken; the rest of it is the parameter's name: "model." for "model.0.weight". Default: "". */
  readonly prefix?: string;
  /** What parameters' names have before that: "features." where "0.weight" is to become "features.0.weight". Default: "". */
  readonly into?: string;
  /** Whether a parameter whose tensor has another shape keeps its initial values, instead of being an error. Default: false. */
  readonly skipMismatched?: boolean;
}

export interface PretrainedParameters {
  /** The flat parameter vector. */
  readonly parameters: Float32Array<ArrayBuffer>;
  /** The parameters that were found, in the order of the model. */
  readonly matched: readonly string[];
  /** The model's parameters that were not found: they keep their initial values. */
  readonly missing: readonly string[];
  /** Those that were found in another shape, and keep their initial values as well: see `skipMismatched`. */
  readonly mismatched: readonly Mismatch[];
  /** The tensors that the model has no use for. */
  readonly unused: readonly string[];
}

export interface Mismatch {
  /** Of the parameter. */
  readonly name: string;
  readonly shape: Shape;
  /** Of the tensor. */
  readonly found: Shape;
}

/**
 * Starts from weights that were trained before: parameters whose name and shape are found take those values, the others keep their
 * initial ones, so that a model with a new last layer can be trained further.
 * @param slots the layout of the flat vector
 * @param initial the flat vector to begin with; it is not changed
 * @throws TabgradError CHECKPOINT_INVALID where nothing matches, or a tensor of the right name has the wrong shape, too few values, or
 *   values that are not finite
 */
export function parametersFrom(
  slots: readonly ParameterSlot[],
  tensors: ReadonlyMap<string, NamedTensor>,
  initial: Float32Array,
  { prefix = "", into = "", skipMismatched = false }: PretrainedOptions = {},
): PretrainedParameters {
  const parameters = Float32Array.from(initial);
  const nameIn = (parameter: string): string | undefined =>
    parameter.startsWith(into) ? prefix + parameter.slice(into.length) : undefined;
  const found = slots.flatMap((slot) => {
    const tensor = tensors.get(nameIn(slot.name) ?? "");
    return tensor ? [{ slot, tensor }] : [];
  });
  const used = new Set(found.map(({ slot }) => nameIn(slot.name)));
  const unused = [...tensors.keys()].filter((name) => !used.has(name));
  if (found.length === 0) throw nothingMatches(slots, unused);
  const fits = ({ slot, tensor }: (typeof found)[number]): boolean => sameShape(slot.shape, tensor.shape);
  const taken = skipMismatched ? found.filter(fits) : found;
  const problems = taken.flatMap(({ slot, tensor }) => problemWith(slot, tensor));
  if (problems.length > 0) {
    const message = `These weights do not fit the model: ${problems.join("; ")}.`;
    throw new TabgradError(
      "CHECKPOINT_INVALID",
      message,
      "Give the layers the sizes of the checkpoint, or let those that differ begin at random: --init-skip-mismatched.",
    );
  }
  for (const { slot, tensor } of taken) parameters.set(tensor.data, slot.offset);
  const known = new Set(found.map(({ slot }) => slot.name));
  return {
    parameters,
    matched: taken.map(({ slot }) => slot.name),
    missing: slots.flatMap(({ name }) => (known.has(name) ? [] : [name])),
    mismatched: found
      .filter((pair) => skipMismatched && !fits(pair))
      .map(({ slot, tensor }) => ({ name: slot.name, shape: slot.shape, found: tensor.shape })),
    unused,
  };
}

function problemWith({ name, shape }: ParameterSlot, tensor: NamedTensor): string[] {
  if (!sameShape(shape, tensor.shape)) {
    const turned = shape.length === 2 && sameShape(shape, [...tensor.shape].reverse()) ? " (its transpose)" : "";
    return [`${name} has shape ${formatShape(tensor.shape)} where the model has ${formatShape(shape)}${turned}`];
  }
  if (tensor.data.length !== elementCount(shape)) {
    return [`${name} has ${tensor.data.length} values where its shape ${formatShape(shape)} has ${elementCount(shape)}`];
  }
  for (let i = 0; i < tensor.data.length; i++) {
    if (!Number.isFinite(Math.fround(tensor.data[i])))
      return [`${name} has a value that is not finite (${tensor.data[i]} at ${i})`];
  }
  return [];
}

function nothingMatches(slots: readonly ParameterSlot[], tensors: readonly string[]): TabgradError {
  const names = slots.map(({ name }) => name);
  const prefix = commonPrefix(names, tensors);
  return new TabgradError(
    "CHECKPOINT_INVALID",
    `None of the weights match: the model has ${listed(names)}, and the file has ${listed(tensors)}.`,
    prefix === undefined
      ? "Start from a checkpoint of the same model, or rename the tensors."
      : `The file's names begin with "${prefix}": say so with --init-prefix ${prefix}, or { from, prefix: "${prefix}" } in the run file.`,
  );
}

/** What stands before a parameter's name in the tensors, where that is so for several. */
function commonPrefix(names: readonly string[], tensors: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) {
    for (const tensor of tensors) {
      if (!tensor.endsWith(`.${name}`)) continue;
      const prefix = tensor.slice(0, -name.length);
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best?.[0];
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "no tensors";
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}
