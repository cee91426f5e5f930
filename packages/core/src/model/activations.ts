// Activations: layers without parameters, which act on every value by itself, softmax apart.
import * as math from "../graph/math.ts";
import type { Value } from "../graph/value.ts";
import type { Layer } from "./layer.ts";
import { checkNumber } from "./role.ts";

const activation = (kind: string, apply: (x: Value) => Value): Layer => ({ role: "layer", kind, detail: "", build: apply });

/** y = max(x, 0), the rectified linear unit. Nair & Hinton 2010, https://www.cs.toronto.edu/~hinton/absps/reluICML.pdf */
export const relu = (): Layer => ({ ...activation("relu", math.relu), negativeSlope: 0 });

/**
 * y = x if x > 0, else slope · x: a rectifier that lets some gradient through everywhere. Default slope: 0.01.
 * Maas, Hannun & Ng 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf
 */
export function leakyRelu({ slope = 0.01 }: { readonly slope?: number } = {}): Layer {
  checkNumber("leakyRelu", "slope", slope);
  return { ...activation("leakyRelu", (x) => math.leakyRelu(x, slope)), detail: `slope ${slope}`, negativeSlope: slope };
}

/** y = 1 / (1 + e⁻ˣ), in (0, 1). Goodfellow, Bengio & Courville 2016, §3.10, https://www.deeplearningbook.org */
export const sigmoid = (): Layer => activation("sigmoid", math.sigmoid);

/** y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), in (−1, 1). LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", §4.4 */
export const tanh = (): Layer => activation("tanh", math.tanh);

/**
 * y = 1 if x > 0, else 0: the output of a perceptron. It has no gradient to speak of, so what stands before it cannot be trained by
 * gradient descent. Rosenblatt 1958, https://doi.org/10.1037/h0042519
 */
export const step = (): Layer => activation("step", math.step);

/**
 * yᵢ = e^xᵢ / Σⱼ e^xⱼ over the last dimension: probabilities, which add up to 1. Leave it out before `crossEntropy` and
 * `categoricalCrossEntropy`, which contain it. Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28
 */
export const softmax = (): Layer => ({
  role: "layer",
  kind: "softmax",
  detail: "",
  build(x, context) {
    // Along the rows it would mix the samples of a microbatch.
    if (x.shape.length < 2)
      throw context.error("a sample is one number; a softmax needs several", "Use sigmoid() for a single output.");
    return math.softmax(x);
  },
});
