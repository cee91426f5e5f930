// Where values come from: the dataset, the parameters, and the graph itself.
import { defineOperation } from "../operation.ts";
import { checkDimensions, elementCount, formatShape, ShapeError } from "../shape.ts";

export const input = defineOperation<"input">({
  name: "input",
  formula: "y = what the run is fed under this name",
  arity: 0,
  shape: (_, { shape, batched }, rows) => checkDimensions(batched ? [rows, ...shape] : shape),
});

export const parameter = defineOperation<"parameter">({
  name: "parameter",
  formula: "y = the parameter's slot of the flat vector",
  arity: 0,
  shape: (_, { shape }) => checkDimensions(shape),
});

export const constant = defineOperation<"constant">({
  name: "constant",
  formula: "y = the stated values",
  arity: 0,
  shape(_, { shape, values }) {
    checkDimensions(shape);
    if (values.length !== 1 && values.length !== elementCount(shape)) {
      throw new ShapeError(
        `a constant of shape ${formatShape(shape)} has ${elementCount(shape)} values or one, not ${values.length}`,
      );
    }
    return shape;
  },
  evaluate(_, { values }, shape) {
    const data = new Float64Array(elementCount(shape));
    if (values.length === 1) data.fill(values[0]);
    else data.set(values);
    return data;
  },
});
