// The values that parameters begin with: drawn from the seed, or taken from a model that was trained before.
import { TabgradError } from "../errors.ts";
import { parameterElements, parameterSlots, type Graph, type ParameterSlot } from "../graph/graph.ts";
import { elementCount, formatShape, sameShape, type Shape } from "../graph/shape.ts";
import { keyed } from "../random/index.ts";

/**
 * The flat parameter vector at the beginning of a run: every value is a function of (seed, index of the parameter, index of the value
 * in it), so it is the same on every machine.
 * @param seed a whole number from 0 to 2^32 − 1
 * @returns `parameterElements(graph)` values
 */
export function initialParameters(graph: Graph, seed: number): Float32Array<ArrayBuffer> {
  const parameters = new Float32Array(parameterElements(graph));
  parameterSlots(graph).forEach(({ initialisation, offset, elements }, index) => {
    const values = parameters.subarray(offset, offset + elements);
    switch (initialisation.kind) {
      case "constant":
        values.fill(initialisation.value);
        break;
      case "uniform":
        keyed(seed, "initialise", index).fillUniform(values, initialisation.low, initialisation.high);
        break;
      case "normal":
        keyed(seed, "initialise", index).fillNormal(values, initialisation.mean, initialisation.deviation);
        break;
      default:
        initialisation satisfies never;
    }
  });
  return parameters;
}

/** A tensor as a file of weights has it, row-major. */
export interface NamedTensor {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

export interface PretrainedParameters {
  /** The flat parameter vector. */
  readonly parameters: Float32Array<ArrayBuffer>;
  /** The parameters that were found, in the order of the model. */
  readonly matched: readonly string[];
  /** The model's parameters that were not found: they keep their initial values. */
  readonly missing: readonly string[];
  /** The tensors that the model has no use for. */
  readonly unused: readonly string[];
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
): PretrainedParameters {
  const parameters = Float32Array.from(initial);
  const found = slots.flatMap((slot) => {
    const tensor = tensors.get(slot.name);
    return tensor ? [{ slot, tensor }] : [];
  });
  const names = new Set(slots.map((slot) => slot.name));
  const unused = [...tensors.keys()].filter((name) => !names.has(name));
  if (found.length === 0) {
    const message = `None of the weights match: the model has ${listed([...names])}, and the file has ${listed(unused)}.`;
    throw new TabgradError("CHECKPOINT_INVALID", message, "Start from a checkpoint of the same model, or rename the tensors.");
  }
  const problems = found.flatMap(({ slot, tensor }) => problemWith(slot, tensor));
  if (problems.length > 0) {
    const message = `These weights do not fit the model: ${problems.join("; ")}.`;
    throw new TabgradError("CHECKPOINT_INVALID", message, "Give the layers the sizes of the checkpoint, or start without it.");
  }
  for (const { slot, tensor } of found) parameters.set(tensor.data, slot.offset);
  const matched = found.map(({ slot }) => slot.name);
  return { parameters, matched, missing: [...names].filter((name) => !tensors.has(name)), unused };
}

function problemWith({ name, shape }: ParameterSlot, tensor: NamedTensor): string[] {
  if (!sameShape(shape, tensor.shape)) {
    return [`${name} has shape ${formatShape(tensor.shape)} where the model has ${formatShape(shape)}`];
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

function listed(names: readonly string[]): string {
  if (names.length === 0) return "no tensors";
  return names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");
}
