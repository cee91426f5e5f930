// A value is a node under construction. Rules and layers combine values; whoever emits them (the builder) knows the rules.
import type { OperationAttributes, OperationName } from "./attributes.ts";
import type { Shape } from "./shape.ts";

export interface Emitter {
  /** Adds a node and returns its value. @throws TabgradError MODEL_INVALID naming the layer, when the shapes do not fit. */
  emit<K extends OperationName>(operation: K, inputs: readonly Value[], attributes: OperationAttributes[K]): Value;
}

export interface Value {
  readonly emitter: Emitter;
  /** Index of the node. */
  readonly node: number;
  readonly shape: Shape;
}
