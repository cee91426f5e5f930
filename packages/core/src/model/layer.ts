// What a layer is: a plain object that adds its operations to a graph. Layers hold no values; parameters belong to the graph.
import { TabgradError } from "../errors.ts";
import type { Initialisation } from "../graph/attributes.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Shape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { roleOf } from "./role.ts";

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
  /** A parameter of the layer, named "PATH.NAME". */
  parameter(name: string, shape: Shape, initialisation: Initialisation): Value;
  /** Builds a layer within this one, at "PATH.NAME". */
  layer(name: string, layer: Layer, x: Value, next?: Layer): Value;
  /** The error to throw where the layer does not fit: MODEL_INVALID, beginning with the layer's name. */
  error(message: string, remedy: string): TabgradError;
}

/** Adds a model to a graph; `path` is where it stands. */
export function buildLayer(builder: GraphBuilder, layer: Layer, x: Value, path = "", next?: Layer): Value {
  const inner = (name: string): string => (path ? `${path}.${name}` : name);
  const context: LayerContext = {
    path,
    next,
    parameter: (name, shape, initialisation) => builder.emit("parameter", [], { name: inner(name), shape, initialisation }),
    layer: (name, child, input, following) => buildLayer(builder, child, input, inner(name), following),
    error: (message, remedy) => new TabgradError("MODEL_INVALID", `${layerLabel(layer, path)}: ${message}`, remedy),
  };
  const build = (): Value => layer.build(x, context);
  return layer.transparent ? build() : builder.scope(layerLabel(layer, path), build);
}

/** How a layer is called in messages and listings: "dense 2 (128 units)". */
export function layerLabel(layer: Layer, path: string): string {
  const name = path ? `${layer.kind} ${path}` : layer.kind;
  return layer.detail ? `${name} (${layer.detail})` : name;
}

export const isLayer = (value: unknown): value is Layer => roleOf(value) === "layer";
