// What a layer is: a plain object that adds its operations to a graph. Layers hold no values; parameters belong to the graph. An object
// that is applied twice has one set of parameters, as in PyTorch and Keras.
import { TabgradError } from "../errors.ts";
import type { Initialisation, OperationAttributes } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import * as math from "../graph/math.ts";
import { formatShape, sameShape, type Shape } from "../graph/shape.ts";
import { keysInput, weightsInput } from "../graph/training.ts";
import type { Value } from "../graph/value.ts";
import { roleOf, show } from "./role.ts";

export interface Layer {
  readonly role: "layer";
  /** The function that makes it: "dense". */
  readonly kind: string;
  /** What sets it apart from others of its kind, for messages and listings: "128 units". May be empty. */
  readonly detail: string;
  /**
   * Adds the layer to the graph that `x` belongs to.
   * @param x shape [rows, …]
   * @returns shape [rows, …]; the number of rows must not be built in
   * @throws TabgradError MODEL_INVALID naming the layer, where `x` does not fit
   */
  readonly build: (x: Value, context: LayerContext) => Value;
  /** True for a layer that only holds others: it does not appear in messages and listings itself. */
  readonly transparent?: boolean;
  /** True if, as the first layer of a model, it takes a sample's features as one vector, whatever shape the dataset gives them. */
  readonly takesVector?: boolean;
  /** Of a rectifier: the slope for negative x. The layer before it chooses its initial weights accordingly. */
  readonly negativeSlope?: number;
}

/** What a layer is given while it builds. */
export interface LayerContext {
  /** Where the layer stands in the model, as PyTorch counts: "2", or "2.0" within another; empty for the model itself. */
  readonly path: string;
  /** The layer that takes this one's output, as far as that is known. */
  readonly next: Layer | undefined;
  /**
   * A parameter of the layer, named "PATH.NAME". Where the same layer object is applied again, it is the parameter that the first
   * application made.
   * @throws TabgradError MODEL_INVALID where that one has another shape
   */
  parameter(name: string, shape: Shape, initialisation: Initialisation): Value;
  /**
   * A tensor that belongs to the model and is saved with its weights, but is not trained, such as a mask: PyTorch's buffer. Otherwise as
   * `parameter`; a parameter group with `frozen: false` trains it.
   */
  buffer(name: string, shape: Shape, initialisation: Initialisation): Value;
  /**
   * A parameter that is not trained but follows a number of the samples: in each step it moves by `momentum` of the way to the mean of
   * `perSample` over all samples of the step. Where the layer object is applied several times, to the mean of them all.
   * @param perSample shape [rows, ...shape of the parameter]
   */
  statistic(name: string, perSample: Value, options: { readonly initial: number; readonly momentum: number }): Value;
  /**
   * `x` with its rows as microbatches. There are none outside training: use them behind `math.ifTraining`.
   * @param x shape [rows, ...sample]
   * @returns `values`, shape [microbatches, size, ...sample], and `weights`, shape [microbatches, size, 1, …] with as many dimensions: 1
   *   for a sample, and 0 where a short microbatch is padded
   */
  microbatches(x: Value): { readonly values: Value; readonly weights: Value };
  /** A parameter of another layer of the model, which has been applied before: for layers that are tied, such as a language model's ends. */
  parameterOf(layer: Layer, name: string): Value;
  /** What another layer of the model, which has been applied before, was given the first time. */
  inputOf(layer: Layer): Value;
  /**
   * Uniform random numbers in [0, 1) for every sample, of one sample's shape `shape`: [rows, ...shape]. Other numbers with each call, and
   * in each step. There are none outside training: use them behind `math.ifTraining`.
   */
  uniform(shape: Shape): Value;
  /** Builds a layer within this one, at "PATH.NAME". */
  layer(name: string, layer: Layer, x: Value, next?: Layer): Value;
  /** The error to throw where the layer does not fit: MODEL_INVALID, beginning with the layer's name. */
  error(message: string, remedy: string): TabgradError;
}

/** What is around a model that is built. */
export interface Surroundings {
  /** Rows of a microbatch. Default: all rows are one. */
  readonly microbatchSize?: number;
  /** Where what running statistics follow is noted, by the parameter's name: one value for each application. */
  readonly statistics?: Map<string, Value[]>;
}

/** A model under construction: the layers that it has so far, by the path of their first application, and their parameters. */
interface Model {
  readonly builder: GraphBuilder;
  readonly homes: Map<Layer, string>;
  /** What each layer was first applied to. */
  readonly inputs: Map<Layer, Value>;
  readonly parameters: Map<string, Value>;
  readonly surroundings: Surroundings;
  /** The input that masks padding, once it is asked for. */
  weights?: Value;
  /** The samples' random keys, once they are asked for, and how many streams of numbers are drawn with them. */
  keys?: Value;
  streams: number;
}

/** One application of a layer. */
interface Place {
  readonly path: string;
  /** Where its parameters are: the path of the first application. */
  readonly home: string;
  /** Whether the layer, or one around it, has been applied before. */
  readonly again: boolean;
  readonly next: Layer | undefined;
}

/** Adds a model to a graph; `path` is where it stands. */
export function buildLayer(builder: GraphBuilder, layer: Layer, x: Value, path = "", surroundings: Surroundings = {}): Value {
  const model: Model = { builder, homes: new Map(), inputs: new Map(), parameters: new Map(), surroundings, streams: 0 };
  return apply(model, layer, x, { path, home: path, again: false, next: undefined });
}

const join = (path: string, name: string): string => (path ? `${path}.${name}` : name);

function apply(model: Model, layer: Layer, x: Value, { path, next, ...place }: Place): Value {
  const before = model.homes.get(layer);
  const home = before ?? place.home;
  const again = place.again || before !== undefined;
  if (before === undefined) {
    model.homes.set(layer, home);
    model.inputs.set(layer, x);
  }
  const shares = before !== undefined && [...model.parameters.keys()].some((name) => name.startsWith(join(home, "")));
  const label = layerLabel(layer, path, shares ? home : undefined);
  const error = (message: string, remedy: string): TabgradError =>
    new TabgradError("MODEL_INVALID", `${label}: ${message}`, remedy);
  const own = new Set<string>();
  type Kind = Pick<OperationAttributes["parameter"], "initialisation" | "frozen" | "statistic">;
  const parameter = (name: string, shape: Shape, kind: Kind): Value => {
    const full = join(home, name);
    const shared = again && !own.has(full) ? model.parameters.get(full) : undefined;
    if (shared && !sameShape(shared.shape, shape)) {
      throw error(
        `it shares ${full}, which has shape ${formatShape(shared.shape)}, but would need ${formatShape(shape)} here`,
        "Make a layer for each place, or give this one inputs of the same size wherever it is applied.",
      );
    }
    const value = shared ?? model.builder.emit("parameter", [], { name: full, shape, ...kind });
    own.add(full);
    model.parameters.set(full, value);
    return value;
  };
  const context: LayerContext = {
    path,
    next,
    parameter: (name, shape, initialisation) => parameter(name, shape, { initialisation }),
    buffer: (name, shape, initialisation) => parameter(name, shape, { initialisation, frozen: true }),
    statistic(name, perSample, { initial, momentum }) {
      const { statistics } = model.surroundings;
      const full = join(home, name);
      statistics?.set(full, [...(statistics.get(full) ?? []), perSample]);
      const initialisation: Initialisation = { kind: "constant", value: initial };
      return parameter(name, perSample.shape.slice(1), { initialisation, statistic: { momentum } });
    },
    microbatches: (x) => asMicrobatches(model, x),
    parameterOf(other, name) {
      const from = model.homes.get(other);
      const value = from === undefined ? undefined : model.parameters.get(join(from, name));
      if (value) return value;
      throw from === undefined
        ? error(`it needs the parameter ${name} of ${other.kind}, which has not been applied yet`, `Apply ${other.kind} first.`)
        : error(`it needs the parameter ${name} of ${layerLabel(other, from)}, which has none of that name`, "Correct the name.");
    },
    inputOf(other) {
      const value = model.inputs.get(other);
      if (value) return value;
      throw error(`it needs the input of ${other.kind}, which has not been applied yet`, `Apply ${other.kind} first.`);
    },
    uniform(shape) {
      model.keys ??= model.builder.emit("input", [], { name: keysInput, shape: [4], batched: true });
      return math.uniform(model.keys, shape, model.streams++);
    },
    layer: (name, child, input, following) =>
      apply(model, child, input, { path: join(path, name), home: join(home, name), again, next: following }),
    error,
  };
  const build = (): Value => layer.build(x, context);
  return layer.transparent ? model.builder.fitting(label, build) : model.builder.scope(label, build);
}

function asMicrobatches(model: Model, x: Value): ReturnType<LayerContext["microbatches"]> {
  const { microbatchSize } = model.surroundings;
  const sizes = microbatchSize === undefined ? [1, -1] : [-1, microbatchSize];
  const [, ...sample] = x.shape;
  model.weights ??= model.builder.emit("input", [], { name: weightsInput, shape: [], batched: true });
  return {
    values: math.reshape(x, [...sizes, ...sample]),
    // An engine that scales the loss does so by these weights.
    weights: math.reshape(math.greater(model.weights, 0), [...sizes, ...sample.map(() => 1)]),
  };
}

/** How a layer is called in messages and listings: "dense 2 (128 units)"; `home` is where the parameters are that it shares. */
export function layerLabel(layer: Layer, path: string, home?: string): string {
  const name = path ? `${layer.kind} ${path}` : layer.kind;
  const details = [layer.detail, home === undefined ? "" : `shared with ${home}`].filter((detail) => detail !== "");
  return details.length > 0 ? `${name} (${details.join(", ")})` : name;
}

/** @throws TabgradError MODEL_INVALID unless `value` is a layer; @param example how it is written */
export function checkLayer(kind: string, what: string, value: unknown, example: string): asserts value is Layer {
  if (isLayer(value)) return;
  const fail = (found: string, remedy: string): TabgradError =>
    new TabgradError("MODEL_INVALID", `${kind}: ${what} is ${found}; expected a layer`, remedy);
  if (Array.isArray(value)) throw fail("a list", `Leave the brackets out, or write ...list: ${example}.`);
  if (typeof value !== "function") throw fail(show(value), `Write, for example, ${example}.`);
  throw fail(show(value), `A layer is what the function returns: write ${value.name || "it"}() with parentheses.`);
}

/** As an option of a layer. @throws TabgradError MODEL_INVALID unless `value` is a layer */
export const checkActivation = (kind: string, option: string, value: unknown): void =>
  checkLayer(kind, option, value, `${option}: relu()`);

export const isLayer = (value: unknown): value is Layer => roleOf(value) === "layer";
