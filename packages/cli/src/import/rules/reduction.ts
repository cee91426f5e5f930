// Operations along axes.
import { math } from "@tabgrad/core";
import { axisIn, Unsupported } from "../node-reader.ts";
import type { Rule } from "./rule.ts";
import { listed } from "./rule.ts";

/** @param since the operator set in which the axes became an input */
const reduction =
  (name: "sum" | "mean" | "max", since: number): Rule =>
  (node, translator) => {
    const x = node.computed(0);
    const stated = node.opset >= since ? node.numbers(1, "axes") : node.list("axes", []);
    if (!stated || stated.length === 0) throw new Unsupported("it works over all dimensions, the samples included");
    const axes = stated.map((axis) => axisIn(axis, x.value.shape)).sort((a, b) => a - b);
    const keep = node.number("keepdims", 1) === 1;
    return translator.emit([x], {
      value: ([value]) => math[name](value, axes, keep),
      expression: ([value]) => `math.${name}(${value}, ${listed(axes)}${keep ? ", true" : ""})`,
    });
  };

const along =
  (name: "softmax" | "logSoftmax"): Rule =>
  (node, translator) => {
    const x = node.computed(0);
    const rank = x.value.shape.length;
    // Before operator set 13 it joined all dimensions from the axis on; that is the same only for the last one.
    const axis = axisIn(node.number("axis", node.opset < 13 ? 1 : -1), x.value.shape);
    if (node.opset < 13 && axis !== rank - 1) throw new Unsupported("it works over several dimensions at once");
    const isLast = axis === rank - 1;
    return translator.emit([x], {
      value: ([value]) => math[name](value, axis),
      expression: ([value]) => `math.${name}(${value}${isLast ? "" : `, ${axis}`})`,
      ...(isLast && name === "softmax" && { layer: { source: "softmax()", weights: {} } }),
    });
  };

const argmax: Rule = (node, translator) => {
  const x = node.computed(0);
  const axis = axisIn(node.number("axis", 0), x.value.shape);
  if (node.number("keepdims", 1) === 1) throw new Unsupported("it keeps the dimension that it looks along");
  return translator.emit([x], {
    value: ([value]) => math.argmax(value, axis),
    expression: ([value]) => `math.argmax(${value}, ${axis})`,
  });
};

export const reductions: Readonly<Record<string, Rule>> = {
  ReduceSum: reduction("sum", 13),
  ReduceMean: reduction("mean", 18),
  ReduceMax: reduction("max", 18),
  Softmax: along("softmax"),
  LogSoftmax: along("logSoftmax"),
  ArgMax: argmax,
};
