// Normalisation: within a sample it is a layer; by fixed statistics it is a factor and a shift for each channel, which go into the layer
// before, where there is one.
import { Unsupported } from "../node-reader.ts";
import { weightOf, type Computed, type LayerForm, type Weight } from "../step.ts";
import type { Translator } from "../translation.ts";
import { rounded } from "./elementwise.ts";
import type { Rule } from "./rule.ts";

const layerNormalization: Rule = (node, translator) => {
  const x = node.computed(0);
  const rank = x.value.shape.length;
  const axis = node.number("axis", -1);
  const dimensions = axis < 0 ? -axis : rank - axis;
  if (dimensions >= rank) throw new Unsupported("it works over all dimensions, the samples included");
  const weight = weightOf(node.constant(1));
  const bias = node.has(2) ? weightOf(node.constant(2)) : undefined;
  const epsilon = rounded(node.number("epsilon", 1e-5));
  const options = [
    ...(dimensions === 1 ? [] : [`dimensions: ${dimensions}`]),
    ...(epsilon === 1e-5 ? [] : [`epsilon: ${epsilon}`]),
    ...(bias ? [] : ["bias: false"]),
  ];
  return translator.emit([x], {
    value: ([value]) => value,
    layer: {
      source: options.length > 0 ? `layerNorm({ ${options.join(", ")} })` : "layerNorm()",
      weights: { weight, ...(bias && { bias }) },
      hint: node.constant(1).name,
    },
  });
};

/** y = (x − mean) / √(variance + ε) · scale + bias for each channel: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167 */
const batchNormalization: Rule = (node, translator) => {
  if (node.number("training_mode", 0) === 1)
    throw new Unsupported("it normalises by the batch, as in training: export the model for inference");
  const x = node.computed(0);
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((position) => node.constant(position).data);
  const epsilon = node.number("epsilon", 1e-5);
  const factor = Float32Array.from(scale, (value, c) => value / Math.sqrt(variance[c] + epsilon));
  const shift = Float32Array.from(bias, (value, c) => value - mean[c] * factor[c]);
  const folded = translator.readersOf(node.node.inputs[0]) === 1 ? foldedInto(x, factor, shift, translator) : undefined;
  if (folded) return folded;
  const positions = x.value.shape.slice(2).map(() => 1);
  const parameter = (name: string, data: Float32Array): Weight & { name: string } => ({
    name,
    shape: [data.length, ...positions],
    data,
  });
  return translator.emit([x], {
    value: ([value]) => value,
    expression: ([value], [weight, offset]) => `math.add(math.multiply(${value}, ${weight}), ${offset})`,
    parameters: [parameter(`${node.node.name}.weight`, factor), parameter(`${node.node.name}.bias`, shift)],
  });
};

/** Into the filters or units that make the channels: w · factor, b · factor + shift. */
function foldedInto(x: Computed, factor: Float32Array, shift: Float32Array, translator: Translator): Computed | undefined {
  const layer = translator.steps[x.step]?.layer;
  const weight = layer?.weights.weight;
  if (!layer || !weight || !/^(dense|conv[12]d)\(/.test(layer.source)) return undefined;
  // A dense layer of sequences has its units last, where this has its channels second.
  if (layer.source.startsWith("dense(") && x.value.shape.length > 2) return undefined;
  const width = weight.data.length / factor.length;
  const before = layer.weights.bias?.data;
  const source = before ? layer.source : withBias(layer.source);
  const form: LayerForm = {
    source,
    hint: layer.hint,
    weights: {
      weight: { shape: weight.shape, data: weight.data.map((value, i) => value * factor[Math.floor(i / width)]) },
      bias: { shape: [factor.length], data: shift.map((value, c) => value + (before ? before[c] * factor[c] : 0)) },
    },
  };
  translator.replaceLayer(x.step, form);
  return x;
}

/** The same layer, which has a bias unless it says that it has none. */
export const withBias = (source: string): string =>
  source
    .replace(/\{ bias: false \}/, "{}")
    .replace(/bias: false, /, "")
    .replace(/, bias: false/, "")
    .replace(", {})", ")");

export const normalisations: Readonly<Record<string, Rule>> = {
  LayerNormalization: layerNormalization,
  BatchNormalization: batchNormalization,
};
