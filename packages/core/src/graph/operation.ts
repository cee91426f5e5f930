// What an operation is: its shape rule, its gradient rule and its meaning in plain float64 arithmetic, defined together.
// The float64 meaning is the reference that both engines are tested against, and what constants are folded with.
import type { OperationAttributes, OperationName } from "./attributes.ts";
import type { Shape } from "./shape.ts";
import type { Value } from "./value.ts";

/** A tensor of the reference evaluator: row-major float64. */
export interface Tensor {
  readonly shape: Shape;
  readonly data: Float64Array;
}

export interface GradientContext<K extends OperationName> {
  readonly inputs: readonly Value[];
  readonly output: Value;
  readonly attributes: OperationAttributes[K];
  /** d loss / d output, of the output's shape. */
  readonly upstream: Value;
  /** Which inputs need a gradient; a rule may leave out the others. */
  readonly needs: readonly boolean[];
}

export interface OperationDefinition<K extends OperationName> {
  readonly name: K;
  /** One line: the formula, in the words of a textbook. */
  readonly formula: string;
  /** How many inputs it takes; variadic is one or more. */
  readonly arity: number | "variadic";
  /** The output's shape. @throws ShapeError */
  shape(inputs: readonly Shape[], attributes: OperationAttributes[K], rows: number): Shape;
  /**
   * d loss / d input for each input, of the input's shape; undefined where the operation is constant almost everywhere.
   * Absent on operations that have no gradient at all.
   */
  gradient?(context: GradientContext<K>): readonly (Value | undefined)[];
  /** The output in float64. Absent on sources, whose values come from outside. */
  evaluate?(inputs: readonly Tensor[], attributes: OperationAttributes[K], shape: Shape): Float64Array;
}

/** Whether the operation can have this many inputs. */
export const takesInputs = ({ arity }: { readonly arity: number | "variadic" }, count: number): boolean =>
  arity === "variadic" ? count > 0 : count === arity;

/** Fixes the type parameter; returns its argument. */
export const defineOperation = <K extends OperationName>(definition: OperationDefinition<K>): OperationDefinition<K> => definition;
