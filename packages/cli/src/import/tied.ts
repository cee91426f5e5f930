// What is one tensor in the file is one parameter of the model, however many nodes read it: the vectors of an embedding, say, which the
// scores are made with, too.
import type { DecodedTensor } from "@tabgrad/cpu";
import { sameShape } from "@tabgrad/core";
import { transposed } from "./fold.ts";
import type { Constant, LayerForm, NamedWeight, Origin, Step, Weight } from "./step.ts";

export const isInteger = (type: string): boolean => !/^(F|BF)\d+$/.test(type);

/** The tensors of a file as constants. Exporters turn a matrix and keep both: of such copies, all are of the first. */
export function fileConstants(tensors: readonly DecodedTensor[]): Constant[] {
  const seen = new Map<string, Constant[]>();
  return tensors.map(({ name, type, shape, data }) => {
    const constant: Constant = { kind: "constant", name, shape, data, isInteger: isInteger(type) };
    const [least, greatest] = range(data);
    // All ones, or zeros, is what layers begin with, each its own.
    if (shape.length < 2 || least === greatest) return { ...constant, origin: { tensor: name, transposed: false } };
    const key = [data.length, least, greatest].join();
    const alike = seen.get(key) ?? [];
    seen.set(key, [...alike, constant]);
    return {
      ...constant,
      origin: alike.map((other) => copyOf(other, constant)).find(Boolean) ?? { tensor: name, transposed: false },
    };
  });
}

function range(data: Constant["data"]): [least: number, greatest: number] {
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of data) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}

function copyOf(first: Constant, other: Constant): Origin | undefined {
  if (isSame(first, other)) return { tensor: first.name, transposed: false };
  const isTurned = first.shape.length === 2 && other.shape.length === 2 && isSame(transposed(first, [1, 0]), other);
  return isTurned ? { tensor: first.name, transposed: true } : undefined;
}

/** Ones, or zeros: what parameters begin with. Exporters keep equal tensors once, though each layer has its own. */
export const isBlank = ({ data }: Values): boolean => data.every((value) => value === data[0]);

type Values = Pick<Constant, "shape" | "data">;

export const isSame = (a: Values, b: Values): boolean =>
  sameShape(a.shape, b.shape) && a.data.every((value, i) => Object.is(value, b.data[i]));

/** Parts of one tensor have its name, too, and other values. */
export const isSameLayer = (a: LayerForm, b: LayerForm): boolean =>
  a.hint === b.hint &&
  a.source === b.source &&
  Object.entries(a.weights).every(([name, weight]) => name in b.weights && isSame(weight, b.weights[name]));

/** Whether a layer is applied twice, or a tensor is read in two ways. */
export function hasTies(steps: readonly Step[]): boolean {
  const origins = steps.flatMap(({ layer, parameters }) => matricesOf(layer, parameters));
  return new Set(origins).size < origins.length;
}

const matricesOf = (layer: LayerForm | undefined, parameters: readonly NamedWeight[]): string[] =>
  [...Object.values(layer?.weights ?? {}), ...parameters].flatMap(({ shape, origin }) =>
    shape.length > 1 && origin ? [origin.tensor] : [],
  );

/** The same steps; dense layers whose matrix belongs to others, too, are products with a parameter. */
export function withSharedMatrices(steps: readonly Step[]): Step[] {
  const users = new Map<string, (LayerForm | undefined)[]>();
  for (const { layer, parameters } of steps) {
    const own = layer && Object.keys(layer.weights).length > 0 ? layer : undefined;
    for (const tensor of matricesOf(own, own ? [] : parameters)) {
      const known = users.get(tensor) ?? [];
      const isKnown = known.some((user) => user === own || (user && own && isSameLayer(user, own)));
      if (!isKnown) users.set(tensor, [...known, own]);
    }
  }
  const isShared = ({ origin }: Weight): boolean => origin !== undefined && (users.get(origin.tensor)?.length ?? 0) > 1;
  return steps.map((step) => {
    const { layer } = step;
    const isDense = layer?.source.startsWith("dense(") === true && isShared(layer.weights.weight);
    return isDense ? { ...step, layer: undefined, ...productOf(layer) } : step;
  });
}

function productOf({ weights: { weight, bias }, hint = "" }: LayerForm): Pick<Step, "expression" | "parameters"> {
  const { tensor, transposed: isTurned } = weight.origin!;
  // As the file has it: [units, inputs], or [inputs, units].
  const matrix = isTurned ? transposed({ kind: "constant", name: tensor, ...weight }, [1, 0]) : weight;
  const parameters: NamedWeight[] = [{ name: tensor, shape: matrix.shape, data: Float32Array.from(matrix.data) }];
  if (bias) parameters.push({ ...bias, name: bias.origin?.tensor ?? `${hint}.bias` });
  return {
    parameters,
    expression([x], [w, b]) {
      const product = `math.matmul(${x}, ${w}${isTurned ? "" : ", { transposeB: true }"})`;
      return b === undefined ? product : `math.add(${product}, ${b})`;
    },
  };
}
