// The block that transformers are stacks of: attention, then a small network for each position by itself, each with a way around it.
import * as math from "../graph/math.ts";
import { TabgradError } from "../errors.ts";
import type { Value } from "../graph/value.ts";
import { gelu } from "./activations.ts";
import { attentionChecks, attentionDetail, checkHeads, multiHeadAttention, type AttentionOptions } from "./attention.ts";
import { dense } from "./dense.ts";
import { leaveOut } from "./dropout.ts";
import { checkLayer, type Layer } from "./layer.ts";
import { layerNorm, rmsNorm } from "./normalisation.ts";
import { checkFlag, optionsOf, type OptionChecks } from "./options.ts";
import { checkSize, show } from "./role.ts";

export interface TransformerBlockOptions extends AttentionOptions {
  /**
   * In training, the share that is left out of the softmax's results, of the hidden layer, and of what attention and network give, as in
   * PyTorch. Default: 0.
   */
  readonly dropout?: number;
  /** How many times as wide as x the network's hidden layer is. Default: 4. */
  readonly expand?: number;
  /** What the hidden layer passes. Default: `gelu()`. */
  readonly activation?: Layer;
  /** `layerNorm` or `rmsNorm`. Default: "layer". */
  readonly norm?: "layer" | "rms";
  /**
   * Whether x is normalised on its way into attention and network, or, as in the first transformers, behind the sums. Default: true,
   * which trains without a warm-up; a stack of such blocks wants one more normalisation behind it.
   */
  readonly normFirst?: boolean;
}

/**
 * h = x + attention(norm₁(x)), y = h + network(norm₂(h)), the network being dense(expand · width), an activation and dense(width); or,
 * with `normFirst: false`, h = norm₁(x + attention(x)), y = norm₂(h + network(h)). x is [rows, positions, width], and so is y.
 *
 * Parameters as in PyTorch's `nn.TransformerEncoderLayer`: "self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight",
 * "linear2.weight", "norm1.weight", "norm2.weight" and their biases.
 * Vaswani et al. 2017, §3.1, https://arxiv.org/abs/1706.03762; Xiong et al. 2020, https://arxiv.org/abs/2002.04745, for `normFirst`
 * @throws TabgradError MODEL_INVALID as `multiHeadAttention`
 */
export function transformerBlock(options: TransformerBlockOptions): Layer {
  checkHeads("transformerBlock", options);
  optionsOf("transformerBlock", options, blockChecks);
  const { bias = true, dropout = 0, expand = 4, activation = gelu(), norm = "layer", normFirst = true } = options;
  const { heads, causal, rotary, padding } = options;
  const attention = multiHeadAttention({ heads, causal, rotary, bias, dropout, padding });
  return {
    role: "layer",
    kind: "transformerBlock",
    detail: attentionDetail(options),
    build(x, context) {
      const width = x.shape[x.shape.length - 1];
      const normalise = (name: string) => (value: Value) =>
        context.layer(name, norm === "layer" ? layerNorm({ bias }) : rmsNorm(), value);
      const attend = (value: Value): Value => context.layer("self_attn", attention, value);
      const network = (value: Value): Value => {
        const hidden = context.layer("linear1", dense(expand * width, { bias, flatten: false, activation }), value);
        return context.layer("linear2", dense(width, { bias, flatten: false }), leaveOut(hidden, dropout, context));
      };
      const around = (part: (value: Value) => Value, normalised: (value: Value) => Value, value: Value): Value => {
        const past = (input: Value): Value => math.add(value, leaveOut(part(input), dropout, context));
        return normFirst ? past(normalised(value)) : normalised(past(value));
      };
      return around(network, normalise("norm2"), around(attend, normalise("norm1"), x));
    },
  };
}

const blockChecks: OptionChecks<TransformerBlockOptions> = {
  ...attentionChecks,
  expand: (kind, name, value) => checkSize(kind, name, value, `${kind}({ heads: 4, expand: 4 })`),
  activation: (kind, name, value) => checkLayer(kind, name, value, "activation: gelu()"),
  norm: checkNorm,
  normFirst: checkFlag,
};

function checkNorm(kind: string, option: string, value: unknown): void {
  if (value === "layer" || value === "rms") return;
  const message = `${kind}: ${option} is ${show(value)}; expected "layer" or "rms"`;
  throw new TabgradError("MODEL_INVALID", message, "Leave it out for layerNorm().");
}
