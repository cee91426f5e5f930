// Products of matrices: with constants they are dense layers, without them they are products.
import { math } from "@tabgrad/core";
import { transposed } from "../fold.ts";
import { Unsupported } from "../node-reader.ts";
import { weightOf, type Computed, type Constant, type Operand, type Weight } from "../step.ts";
import type { Translator } from "../translation.ts";
import { alongLast, seen } from "../views.ts";
import { withBias } from "./normalisation.ts";
import type { Rule } from "./rule.ts";

/** @param weight [units, inputs], as PyTorch has it */
function dense(of: Computed, weight: Weight, bias: Weight | undefined, hint: string, translator: Translator): Computed {
  const x = alongLast(of, translator);
  const [units] = weight.shape;
  // Alone at the beginning of a model a dense layer would take a sample's values as one vector.
  const options = [...(bias ? [] : ["bias: false"]), ...(x.value.shape.length > 2 ? ["flatten: false"] : [])];
  const result = translator.emit([x], {
    value: ([value]) => math.matmul(value, translator.parameter([weight.shape[1], units])),
    layer: {
      source: `dense(${[units, ...(options.length > 0 ? [`{ ${options.join(", ")} }`] : [])].join(", ")})`,
      weights: { weight, ...(bias && { bias }) },
      hint,
    },
  });
  return x.view ? seen(result, x.view) : result;
}

/** alpha · A·B + beta · C */
export const gemm: Rule = (node, translator) => {
  const x = node.viewed(0);
  if (x.kind === "constant") throw new Unsupported("its input 0 is a constant");
  const b = node.constant(1);
  if (node.number("transA", 0) !== 0) throw new Unsupported("it turns its input, whose first dimension counts the samples");
  const weight = node.number("transB", 0) === 1 ? b : transposed(b, [1, 0]);
  const [alpha, beta] = [node.number("alpha", 1), node.number("beta", 1)];
  const bias = node.has(2) && beta !== 0 ? biasOf(node.constant(2), weight.shape[0], beta) : undefined;
  const scaled = { shape: weight.shape, data: Float32Array.from(weight.data, (value) => alpha * value) };
  return dense(x, alpha === 1 ? weightOf(weight) : scaled, bias, b.name, translator);
};

function biasOf({ shape, data, origin }: Constant, units: number, beta: number): Weight {
  const isRow = data.length === 1 || (data.length === units && shape[shape.length - 1] === units);
  if (!isRow) throw new Unsupported(`what it adds has shape [${shape.join(", ")}], not [${units}]`);
  return {
    shape: [units],
    data: Float32Array.from({ length: units }, (_, i) => beta * data[data.length === 1 ? 0 : i]),
    ...(origin && { origin }),
  };
}

export const matmul: Rule = (node, translator) => {
  const [a, b] = [node.viewed(0), node.viewed(1)];
  if (a.kind === "computed" && b.kind === "computed") {
    return translator.emit(
      [a, b].map((one) => translator.settled(one)),
      { value: ([x, y]) => math.matmul(x, y), expression: ([x, y]) => `math.matmul(${x}, ${y})` },
    );
  }
  if (a.kind === "computed" && b.kind === "constant" && b.shape.length === 2) {
    return dense(a, weightOf(transposed(b, [1, 0])), undefined, b.name, translator);
  }
  throw new Unsupported("a product with a constant is a dense layer only where the constant is a matrix, on the right side");
};

/** A dense layer without a bias, and a vector that is added to it alone: a dense layer with one. */
export function fusedBias(x: Computed, constant: Constant, translator: Translator): Operand | undefined {
  const layer = translator.steps[x.step]?.layer;
  const weight = layer?.weights.weight;
  if (!layer?.source.startsWith("dense(") || !weight || layer.weights.bias) return undefined;
  const [units] = weight.shape;
  const { shape, data } = constant;
  if (data.length !== units || shape[shape.length - 1] !== units || units === 1) return undefined;
  translator.replaceLayer(x.step, {
    source: withBias(layer.source),
    weights: { weight, bias: { ...weightOf(constant), shape: [units] } },
    // The exporter of PyTorch turns the matrix, and names the result by a number.
    hint: /bias$/.test(constant.name) ? constant.name : layer.hint,
  });
  return x;
}

/** Add, where it is the second half of a dense layer. */
export const addAfterProduct =
  (add: Rule): Rule =>
  (node, translator) => {
    for (const [product, addend] of [
      [0, 1],
      [1, 0],
    ]) {
      const [x, constant] = [node.viewed(product), node.viewed(addend)];
      if (x.kind !== "computed" || constant.kind !== "constant") continue;
      if (translator.readersOf(node.node.inputs[product]) > 1) continue;
      const fused = fusedBias(x, constant, translator);
      if (fused) return fused;
    }
    return add(node, translator);
  };
