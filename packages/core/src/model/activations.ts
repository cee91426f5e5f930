// Activations: layers without parameters, which act on every value by itself, softmax apart.
import { TabgradError } from "../errors.ts";
import * as math from "../graph/math.ts";
import type { Value } from "../graph/value.ts";
import type { Layer } from "./layer.ts";
import { checkNothing, optionsOf } from "./options.ts";
import { checkNumber, show } from "./role.ts";

const activation = (kind: string, apply: (x: Value) => Value): Layer => ({ role: "layer", kind, detail: "", build: apply });

/** One without options. */
function plain(kind: string, given: readonly [], apply: (x: Value) => Value): Layer {
  checkNothing(kind, given);
  return activation(kind, apply);
}

/** y = max(x, 0), the rectified linear unit. Nair & Hinton 2010, https://www.cs.toronto.edu/~hinton/absps/reluICML.pdf */
export const relu = (...nothing: []): Layer => ({ ...plain("relu", nothing, math.relu), negativeSlope: 0 });

/**
 * y = x if x > 0, else slope · x: a rectifier that lets some gradient through everywhere. Default slope: 0.01.
 * Maas, Hannun & Ng 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf
 */
export function leakyRelu(options?: { readonly slope?: number }): Layer {
  const { slope = 0.01 } = optionsOf("leakyRelu", options, { slope: checkNumber });
  return { ...activation("leakyRelu", (x) => math.leakyRelu(x, slope)), detail: `slope ${slope}`, negativeSlope: slope };
}

/**
 * y = x if x > 0, else α (eˣ − 1). Default α: 1, with which the slope has no step at 0.
 * Clevert, Unterthiner & Hochreiter 2016, https://arxiv.org/abs/1511.07289
 */
export function elu(options?: { readonly alpha?: number }): Layer {
  const { alpha = 1 } = optionsOf("elu", options, { alpha: checkNumber });
  const apply = (x: Value): Value => {
    const positive = math.greater(x, 0);
    // eˣ of a large x would be infinite, and its gradient not a number, where it is not even looked at.
    const low = math.select(positive, math.constant(x, 0), x);
    return math.select(positive, x, math.multiply(math.subtract(math.exp(low), 1), alpha));
  };
  return { ...activation("elu", apply), detail: alpha === 1 ? "" : `alpha ${alpha}` };
}

/**
 * y = x · Φ(x) = x · ½ (1 + erf(x / √2)), with the normal distribution's Φ. Approximated by "tanh", as GPT-2 has it, it is
 * x · ½ (1 + tanh(z)) = x · σ(2z) with z = √(2/π) (x + 0.044715 x³), and differs by at most 0.0005. Default: "none", exact.
 * Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415
 */
export function gelu(options?: { readonly approximate?: "none" | "tanh" }): Layer {
  const { approximate = "none" } = optionsOf("gelu", options, { approximate: checkApproximate });
  if (approximate === "none") return activation("gelu", math.gelu);
  const apply = (x: Value): Value => {
    const z = math.multiply(math.multiply(math.add(math.multiply(math.square(x), 0.044715), 1), x), Math.sqrt(2 / Math.PI));
    return math.multiply(x, math.sigmoid(math.multiply(z, 2)));
  };
  return { ...activation("gelu", apply), detail: "tanh" };
}

function checkApproximate(kind: string, option: string, value: unknown): void {
  if (value === "none" || value === "tanh") return;
  const message = `${kind}: ${option} is ${show(value)}; expected "none" or "tanh"`;
  throw new TabgradError("MODEL_INVALID", message, "Leave it out for the exact function.");
}

/** y = x · σ(x), also called swish. Elfwing, Uchibe & Doya 2018, https://arxiv.org/abs/1702.03118 */
export const silu = (...nothing: []): Layer => plain("silu", nothing, (x) => math.multiply(x, math.sigmoid(x)));

/** y = x · tanh(ln(1 + eˣ)). Misra 2020, https://arxiv.org/abs/1908.08681 */
export const mish = (...nothing: []): Layer => plain("mish", nothing, (x) => math.multiply(x, math.tanh(math.softplus(x))));

/** y = x · min(max(x + 3, 0), 6) / 6: silu in straight lines. Howard et al. 2019, https://arxiv.org/abs/1905.02244 */
export const hardSwish = (...nothing: []): Layer =>
  plain("hardSwish", nothing, (x) => math.multiply(x, math.multiply(math.minimum(math.relu(math.add(x, 3)), 6), 1 / 6)));

/** y = ln(1 + eˣ), a smooth relu that is positive everywhere. Dugas et al. 2001, "Incorporating Second-Order Functional Knowledge", §3 */
export const softplus = (...nothing: []): Layer => plain("softplus", nothing, math.softplus);

/** y = 1 / (1 + e⁻ˣ), in (0, 1). Goodfellow, Bengio & Courville 2016, §3.10, https://www.deeplearningbook.org */
export const sigmoid = (...nothing: []): Layer => plain("sigmoid", nothing, math.sigmoid);

/** y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ), in (−1, 1). LeCun, Bottou, Orr & Müller 1998, "Efficient BackProp", §4.4 */
export const tanh = (...nothing: []): Layer => plain("tanh", nothing, math.tanh);

/**
 * y = 1 if x > 0, else 0: the output of a perceptron. It has no gradient to speak of, so what stands before it cannot be trained by
 * gradient descent. Rosenblatt 1958, https://doi.org/10.1037/h0042519
 */
export const step = (...nothing: []): Layer => plain("step", nothing, math.step);

/**
 * yᵢ = e^xᵢ / Σⱼ e^xⱼ over the last dimension: probabilities, which add up to 1. Leave it out before `crossEntropy` and
 * `categoricalCrossEntropy`, which contain it. Bridle 1990, https://doi.org/10.1007/978-3-642-76153-9_28
 */
export function softmax(...nothing: []): Layer {
  checkNothing("softmax", nothing);
  return {
    role: "layer",
    kind: "softmax",
    detail: "",
    build(x, context) {
      // Along the rows it would mix the samples of a microbatch.
      if (x.shape.length < 2)
        throw context.error("a sample is one number; a softmax needs several", "Use sigmoid() for a single output.");
      return math.softmax(x);
    },
  };
}
