// What an imported model is made of: steps from tensors to a tensor, each as a layer, as an expression of `math`, or as both.
import type { Shape, Value } from "@tabgrad/core";

/** A constant of the model, or what was worked out from constants and shapes. */
export interface Constant {
  readonly kind: "constant";
  readonly name: string;
  readonly shape: Shape;
  /** Row-major. NaN stands for a number that depends on the number of rows. */
  readonly data: Float32Array | Float64Array;
  /** Where it is a tensor of the file, or such a matrix turned. */
  readonly origin?: Origin;
  /** Whether the file has it as other numbers than floats, which no training has touched. */
  readonly isInteger?: boolean;
}

/** The tensor of the file that weights come from; of copies of one tensor, the first. */
export interface Origin {
  readonly tensor: string;
  /** Whether the weights are the transpose of it. */
  readonly transposed: boolean;
}

/** A tensor that depends on the model's input. */
export interface Computed {
  readonly kind: "computed";
  /** Its shape, in a graph that is made along the way. */
  readonly value: Value;
  /** The step that gives it; -1 is the input itself. */
  readonly step: number;
  /** Default: the file has the axes that the value has. */
  readonly view?: View;
}

/** For each axis in the file, the axes of the value that it is made of, row-major; the value's first one counts the samples. */
export type View = readonly (readonly number[])[];

export type Operand = Constant | Computed;

/** Weights, row-major. */
export interface Weight {
  readonly shape: Shape;
  readonly data: Float32Array;
  readonly origin?: Origin;
}

/** How a layer is written: "dense(128)". */
export interface LayerForm {
  readonly source: string;
  /** By the names that the layer gives its parameters. */
  readonly weights: Readonly<Record<string, Weight>>;
  /** What the original calls the weights: "layer1.0.weight". */
  readonly hint?: string;
}

export interface Step {
  /** Of the node that it came from; for the names of layers. */
  readonly node: string;
  /** The steps that give what it takes, -1 for the model's input. */
  readonly inputs: readonly number[];
  readonly layer?: LayerForm;
  /** From names of variables, and of parameters, to an expression. */
  readonly expression?: (inputs: readonly string[], parameters: readonly string[]) => string;
  /** Parameters that the expression reads, which belong to no layer. */
  readonly parameters: readonly NamedWeight[];
}

export interface NamedWeight extends Weight {
  readonly name: string;
  /** Whether it is not to be trained: a mask. */
  readonly isFrozen?: boolean;
}

/** Shapes are worked out for so many rows: not 1, which would pass for a dimension that is repeated. */
export const shapeRows = 2;

export const weightOf = ({ shape, data, origin }: Constant): Weight => ({
  shape,
  data: Float32Array.from(data),
  ...(origin && { origin }),
});

/** A constant as a parameter of its own, by the name of the tensor that it is of. */
export const parameterOf = (constant: Constant): NamedWeight => {
  const { name, origin } = constant;
  const isMatrix = constant.shape.length > 1;
  return { ...weightOf(constant), name: isMatrix && origin && !origin.transposed ? origin.tensor : name };
};
