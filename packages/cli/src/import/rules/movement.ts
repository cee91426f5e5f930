// Operations that move values: shapes, orders, parts. The first dimension counts the samples and stays where it is.
import { elementCount, math, sameShape, type Shape } from "@tabgrad/core";
import { constantOf, cut, gathered, transposed } from "../fold.ts";
import { axisIn, Unsupported, type NodeReader } from "../node-reader.ts";
import { parameterOf, shapeRows, type Computed, type Constant, type Operand } from "../step.ts";
import type { Translator } from "../translation.ts";
import { isInteger } from "../tied.ts";
import { permuted, regrouped, seen, sizesOf, viewOf } from "../views.ts";
import { listed, type Rule } from "./rule.ts";

/** Another shape for each sample. Of several in a row the last one counts. */
export function reshaped(x: Computed, sample: Shape, translator: Translator): Computed {
  if (elementCount(sample) !== elementCount(x.value.shape.slice(1))) throw new Unsupported("it mixes samples, or takes them apart");
  const before = translator.unshaped(x);
  if (sameShape(before.value.shape.slice(1), sample)) return before;
  const reshaping = translator.emit([before], {
    value: ([value]) => math.reshape(value, [-1, ...sample]),
    expression: ([value]) => `math.reshape(${value}, ${listed([-1, ...sample])})`,
    layer: { source: sample.length === 1 ? "flatten()" : `reshape(${listed(sample)})`, weights: {} },
  });
  translator.noteReshaping(reshaping, before);
  return reshaping;
}

const flatten: Rule = (node, translator) => {
  const x = node.computed(0);
  const { shape } = x.value;
  if (axisIn(node.number("axis", 1), [...shape, 0]) !== 1) throw new Unsupported("it joins samples with each other");
  return reshaped(x, [elementCount(shape.slice(1))], translator);
};

const reshape: Rule = (node, translator) => {
  const x = node.viewed(0);
  const target = node.numbers(1, "shape");
  if (!target) throw new Unsupported("it states no shape");
  if (x.kind === "constant") return constantOf(x.name, resolved(target, x.shape, elementCount(x.shape)), x.data);
  if (x.view) return regrouped(x, target, translator);
  const { shape } = x.value;
  const [first, ...rest] = target;
  const keepsRows = Number.isNaN(first) || first === 0 || first === -1 || first === translator.rows;
  if (!keepsRows) throw new Unsupported(`its shape [${target.join(", ")}] has a fixed number of samples`);
  // A number that depends on the number of rows can only be what is left.
  const sample = rest.map((size) => (Number.isNaN(size) ? -1 : size));
  const known = sample.includes(-1)
    ? resolved(sample, shape.slice(1), elementCount(shape.slice(1)))
    : resolved(sample, shape.slice(1), 1);
  return first === -1 ? stacked(x, known, translator) : reshaped(x, known, translator);
};

/** Another shape, for which positions may join the samples: [rows, positions, …] becomes [rows · positions, …], or the other way round. */
function stacked(x: Computed, sample: Shape, translator: Translator): Computed {
  const { shape: before } = x.value;
  if (elementCount(sample) === elementCount(before.slice(1))) return reshaped(x, sample, translator);
  if (elementCount(before) % elementCount(sample) !== 0) throw new Unsupported("it mixes samples, or takes them apart");
  const apart = denseOfPositions(x, sample, translator);
  if (apart) return apart;
  const from = translator.unshaped(x);
  if (sameShape(from.value.shape.slice(1), sample)) return from;
  const result = translator.emit([from], {
    value: ([value]) => math.reshape(value, [-1, ...sample]),
    expression: ([value]) => `math.reshape(${value}, ${listed([-1, ...sample])})`,
  });
  translator.noteReshaping(result, from);
  return result;
}

/** A dense layer that positions joined the samples for is one that works on the last dimension. */
function denseOfPositions(x: Computed, sample: Shape, translator: Translator): Computed | undefined {
  const step = translator.steps[x.step];
  const layer = step?.layer;
  const source = layer && translator.reshapingOf(step.inputs[0]);
  if (!source || !/^dense\(/.test(layer.source) || !sameShape(source.value.shape.slice(1, -1), sample.slice(0, -1)))
    return undefined;
  const { weight } = layer.weights;
  const [units, inputs] = weight.shape;
  if (sample[sample.length - 1] !== units || source.value.shape[source.value.shape.length - 1] !== inputs) return undefined;
  return translator.emit([source], {
    value: ([value]) => math.matmul(value, translator.parameter([inputs, units])),
    layer: { ...layer, source: withOption(layer.source, "flatten: false") },
  });
}

/** "dense(4)" with an option more. */
function withOption(source: string, option: string): string {
  const { length } = source;
  return source.endsWith(" })") ? `${source.slice(0, length - 3)}, ${option} })` : `${source.slice(0, length - 1)}, { ${option} })`;
}

/** 0 keeps a dimension, -1 is what is left. */
function resolved(target: readonly number[], from: Shape, elements: number): number[] {
  const sizes = target.map((size, axis) => (size === 0 ? from[axis] : size));
  const left = elements / elementCount(sizes.filter((size) => size !== -1));
  return sizes.map((size) => (size === -1 ? left : size));
}

const shape: Rule = (node, translator) => {
  const { node: own } = node;
  const operand = node.viewed(0);
  const known = operand.kind === "constant" ? operand.shape : sizesOf(operand, translator.rows);
  const part = known.slice(node.number("start", 0), node.attribute("end") === undefined ? undefined : node.number("end", 0));
  return { ...constantOf(own.outputs[0], [part.length], part), isInteger: true };
};

const transpose: Rule = (node, translator) => {
  const x = node.viewed(0);
  const { length: rank } = x.kind === "constant" ? x.shape : viewOf(x);
  const permutation = node.list(
    "perm",
    Array.from({ length: rank }, (_, axis) => rank - 1 - axis),
  );
  if (x.kind === "constant") return transposed(x, permutation);
  if (x.view || permutation[0] !== 0) return permuted(x, permutation, translator);
  return translator.emit([x], {
    value: ([value]) => math.transpose(value, permutation),
    expression: ([value]) => `math.transpose(${value}, ${listed(permutation)})`,
    layer: { source: `permute(${listed(permutation.slice(1).map((axis) => axis - 1))})`, weights: {} },
  });
};

const gather: Rule = (node, translator) => {
  const [table, indices] = [node.operand(0), node.operand(1)];
  const axis = node.number("axis", 0);
  if (table.kind === "constant" && indices.kind === "constant" && axis === 0) return gathered(table, indices);
  if (table.kind === "constant" && axis === 0 && indices.kind === "computed") {
    return translator.emit([indices], {
      value: ([x], [rows]) => math.gather(rows, x),
      expression: ([x], [rows]) => `math.gather(${rows}, ${x})`,
      parameters: [{ ...parameterOf(table), isFrozen: table.isInteger }],
    });
  }
  if (table.kind === "computed" && indices.kind === "constant" && indices.shape.length === 0)
    return picked(table, axis, indices.data[0], translator);
  throw new Unsupported("it is neither a look-up in a constant table nor the choice of one index");
};

/** One index along an axis, which goes. */
function picked(x: Computed, stated: number, index: number, translator: Translator): Computed {
  const axis = axisIn(stated, x.value.shape);
  const size = x.value.shape[axis];
  const at = index < 0 ? index + size : index;
  const sample = x.value.shape.slice(1).filter((_, i) => i !== axis - 1);
  return translator.emit([x], {
    value: ([value]) => math.reshape(math.slice(value, axis, at, at + 1), [-1, ...sample]),
    expression: ([value]) => `math.reshape(math.slice(${value}, ${axis}, ${at}, ${at + 1}), ${listed([-1, ...sample])})`,
  });
}

const concat: Rule = (node, translator) => {
  const operands = node.node.inputs.map((_, i) => node.operand(i));
  const axis = node.number("axis", 0);
  if (operands.every((operand): operand is Constant => operand.kind === "constant")) {
    if (operands.some(({ shape: sizes }) => sizes.length !== 1)) throw new Unsupported("it joins constants of several dimensions");
    const data = operands.flatMap((operand) => Array.from(operand.data));
    return constantOf(node.node.outputs[0], [data.length], data);
  }
  const parts = operands.map((_, i) => node.computed(i));
  const along = axisIn(axis, parts[0].value.shape);
  return translator.emit(parts, {
    value: (values) => math.concatenate(values, along),
    expression: (values) => `math.concatenate([${values.join(", ")}], ${along})`,
  });
};

const slice: Rule = (node, translator) => {
  const [starts, ends] = [node.numbers(1, "starts"), node.numbers(2, "ends")];
  if (!starts || !ends) throw new Unsupported("it states no range");
  const operand = node.viewed(0);
  const axes = node.numbers(3, "axes") ?? starts.map((_, i) => i);
  if ((node.numbers(4, "steps") ?? []).some((step) => step !== 1)) throw new Unsupported("it takes other steps than 1");
  return axes.reduce((x: Operand, stated, i) => sliced(x, stated, starts[i], ends[i], translator), operand);
};

/** Indices below 0 count from the end; what is outside is cut off. */
function sliced(x: Operand, stated: number, start: number, end: number, translator: Translator): Operand {
  if (x.kind === "computed" && x.view) {
    const [own, ...others] = x.view.at(stated) ?? [];
    if (own === undefined || others.length > 0) return sliced(translator.settled(x), stated, start, end, translator);
    const part = sliced({ ...x, view: undefined }, own, start, end, translator);
    return part.kind === "computed" ? seen(part, x.view) : part;
  }
  const { shape } = x.kind === "constant" ? x : x.value;
  const axis = x.kind === "constant" ? (stated < 0 ? stated + shape.length : stated) : axisIn(stated, shape);
  const size = shape[axis];
  const within = (index: number): number => Math.max(0, Math.min(size, index < 0 ? index + size : index));
  const [from, to] = [within(start), within(end)];
  if (x.kind === "constant") return cut(x, axis, from, to);
  return translator.emit([x], {
    value: ([value]) => math.slice(value, axis, from, to),
    expression: ([value]) => `math.slice(${value}, ${axis}, ${from}, ${to})`,
  });
}

const split: Rule = (node, translator) => {
  const x = node.viewed(0);
  const shape = x.kind === "constant" ? x.shape : sizesOf(x, translator.rows);
  const stated = node.number("axis", 0);
  const { length } = node.node.outputs;
  const size = shape[stated < 0 ? stated + shape.length : stated];
  // Without sizes the parts are equal, but for the last one.
  const equal = Math.ceil(size / length);
  const sizes = node.numbers(1, "split") ?? Array.from({ length }, (_, i) => Math.min(equal, size - i * equal));
  let end = 0;
  return sizes.map((part) => sliced(x, stated, end, (end += part), translator));
};

const unsqueeze: Rule = (node, translator) => {
  const axes = node.numbers(1, "axes") ?? [];
  const operand = node.operand(0);
  const before = operand.kind === "constant" ? operand.shape : operand.value.shape;
  const rank = before.length + axes.length;
  const added = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  const rest = [...before];
  const after = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!));
  return withShape(operand, after, added.has(0), translator);
};

const squeeze: Rule = (node, translator) => {
  const operand = node.operand(0);
  const before = operand.kind === "constant" ? operand.shape : operand.value.shape;
  const axes = node.numbers(1, "axes")?.map((axis) => (axis < 0 ? axis + before.length : axis));
  const after = before.filter((size, axis) => !(axes ? axes.includes(axis) : size === 1));
  return withShape(operand, after, axes?.includes(0) ?? false, translator);
};

function withShape(operand: Operand, after: Shape, movesRows: boolean, translator: Translator): Operand {
  if (operand.kind === "constant") return { ...operand, shape: after, origin: undefined };
  if (movesRows || after[0] !== shapeRows) throw new Unsupported("it moves the first dimension, which counts the samples");
  return reshaped(operand, after.slice(1), translator);
}

const constant: Rule = (node) => {
  const value = node.attribute("value") ?? node.attribute("value_float") ?? node.attribute("value_int");
  const list = node.attribute("value_floats") ?? node.attribute("value_ints");
  const [name] = node.node.outputs;
  if (typeof value === "number") return constantOf(name, [], [value]);
  if (Array.isArray(list)) return constantOf(name, [list.length], list as number[]);
  if (typeof value === "object" && "data" in value) {
    return { kind: "constant", name, shape: value.shape, data: value.data, isInteger: isInteger(value.type) };
  }
  throw new Unsupported("it holds no numbers");
};

const pad: Rule = (node: NodeReader, translator) => {
  if (node.text("mode", "constant") !== "constant") throw new Unsupported("it pads with something else than a constant");
  if ((node.has(2) ? node.constant(2).data[0] : node.number("value", 0)) !== 0)
    throw new Unsupported("it pads with another number than 0");
  const pads = node.numbers(1, "pads") ?? [];
  const rank = pads.length / 2;
  return pads.slice(0, rank).reduce((x: Computed, before, axis) => {
    const after = pads[axis + rank];
    if (before === 0 && after === 0) return x;
    const along = axisIn(axis, x.value.shape);
    if (before < 0 || after < 0) throw new Unsupported("it cuts off by padding less than nothing");
    return translator.emit([x], {
      value: ([value]) => math.pad(value, along, before, after),
      expression: ([value]) => `math.pad(${value}, ${along}, ${before}, ${after})`,
    });
  }, node.computed(0));
};

export const movement: Readonly<Record<string, Rule>> = {
  Flatten: flatten,
  Reshape: reshape,
  Shape: shape,
  Transpose: transpose,
  Gather: gather,
  Concat: concat,
  Slice: slice,
  Split: split,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Constant: constant,
  Pad: pad,
};
