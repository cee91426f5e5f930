// Self-attention: every position of a sequence takes what it needs from the others.
import * as math from "../graph/math.ts";
import { TabgradError } from "../errors.ts";
import { formatShape } from "../graph/shape.ts";
import type { Value } from "../graph/value.ts";
import { checkRate, leaveOut } from "./dropout.ts";
import { paddingOf } from "./embedding.ts";
import { glorotUniform } from "./initialisers.ts";
import { checkLayer, type Layer, type LayerContext } from "./layer.ts";
import { checkedLater, checkFlag, optionsOf, type OptionChecks } from "./options.ts";
import { checkPositive, checkSize, show } from "./role.ts";

export interface AttentionOptions {
  /** Into how many parts of equal width vectors are cut; each attends by itself. */
  readonly heads: number;
  /** Whether a position sees itself and what stands before it only, as a model needs that predicts what comes next. Default: false. */
  readonly causal?: boolean;
  /**
   * Whether queries and keys are turned by their positions (Su et al. 2021), so that no other encoding of positions is needed; with a
   * base for the angles, if it is not to be 10,000. Default: false.
   */
  readonly rotary?: boolean | { readonly base?: number };
  /** Whether the projections add a bias. Default: true. */
  readonly bias?: boolean;
  /** In training, the share of the softmax's results that is left out, as by `dropout`. Default: 0. */
  readonly dropout?: number;
  /**
   * The embedding, with a `padding` of its own, that the positions come from: those that hold its padding get no weight. What comes out at
   * such a position itself means nothing; `crossEntropy({ ignoreIndex })` leaves it out of the loss. Default: all positions count.
   */
  readonly padding?: Layer;
}

/**
 * Far below every score, so that e^x is exactly 0 in the softmax, and yet finite: infinity minus infinity would be no number. */
const masked = -1e30;

/**
 * Multi-head self-attention: for each head softmax(Q·Kᵀ / √d) · V over the positions, with Q, K and V of width d projected from x, and
 * the heads together projected back. x is [rows, positions, width], and so is y.
 *
 * Parameters as in PyTorch's `nn.MultiheadAttention`: "in_proj_weight" [3 · width, width] and "in_proj_bias", of queries, keys and values
 * one after another; "out_proj.weight" [width, width] and "out_proj.bias". Weights begin by `glorotUniform`, biases at 0. `padding` is
 * its `key_padding_mask`.
 * Vaswani et al. 2017, §3.2, https://arxiv.org/abs/1706.03762
 * @throws TabgradError MODEL_INVALID where an option is wrong, or samples are not [positions, width] with a width that heads divide
 */
export function multiHeadAttention(options: AttentionOptions): Layer {
  checkHeads("multiHeadAttention", options);
  optionsOf("multiHeadAttention", options, attentionChecks);
  const { heads, causal = false, rotary = false, bias = true, dropout = 0, padding } = options;
  return {
    role: "layer",
    kind: "multiHeadAttention",
    detail: attentionDetail(options),
    build(x, context) {
      const [positions, width] = sequenceOf(x, heads, rotary !== false, context);
      const part = width / heads;
      const weights = glorotUniform();
      const inWeight = context.parameter(
        "in_proj_weight",
        [3 * width, width],
        weights.resolve({ fanIn: width, fanOut: 3 * width }),
      );
      const inBias = bias ? context.parameter("in_proj_bias", [3 * width], { kind: "constant", value: 0 }) : undefined;
      const flat = math.reshape(x, [-1, width]);
      // The weights are cut, and not their product, which is larger and would be put together again on the way back.
      const [q, k, v] = [0, 1, 2].map((i) => {
        const product = math.matmul(flat, math.slice(inWeight, 0, i * width, (i + 1) * width), { transposeB: true });
        const y = inBias ? math.add(product, math.slice(inBias, 0, i * width, (i + 1) * width)) : product;
        return math.transpose(math.reshape(y, [-1, positions, heads, part]), [0, 2, 1, 3]);
      });
      const turned = (value: Value): Value => (rotary === false ? value : math.rotary(value, rotary === true ? {} : rotary));
      const scaled = math.multiply(turned(q), 1 / Math.sqrt(part));
      const scores = math.matmul(scaled, turned(k), { transposeB: true });
      const hidden = hiddenOf(x, causal, padding, context);
      const shares = math.softmax(hidden ? math.add(scores, math.multiply(hidden, masked)) : scores);
      const mixed = math.transpose(math.matmul(leaveOut(shares, dropout, context), v), [0, 2, 1, 3]);
      return math.reshape(project(math.reshape(mixed, [-1, width]), width, bias, context), [-1, positions, width]);
    },
  };
}

function project(x: Value, width: number, bias: boolean, { parameter }: LayerContext): Value {
  const weight = parameter("out_proj.weight", [width, width], glorotUniform().resolve({ fanIn: width, fanOut: width }));
  const y = math.matmul(x, weight, { transposeB: true });
  return bias ? math.add(y, parameter("out_proj.bias", [width], { kind: "constant", value: 0 })) : y;
}

/** 1 where a position (last axis but one) may not look at another (last axis), else 0; undefined if each may look at all. */
function hiddenOf(x: Value, causal: boolean, padding: Layer | undefined, context: LayerContext): Value | undefined {
  const parts = [...(causal ? [laterThan(x)] : []), ...(padding ? [paddingIn(x, padding, context)] : [])];
  return parts.length > 1 ? math.maximum(parts[0], parts[1]) : parts[0];
}

/** [positions, positions]: 1 where the second stands behind the first. */
function laterThan(x: Value): Value {
  const [, positions] = x.shape;
  const indices = Array.from({ length: positions }, (_, i) => i);
  return math.greater(math.constant(x, indices, [1, positions]), math.constant(x, indices, [positions, 1]));
}

/** [rows, 1, 1, positions]: 1 where the embedding was given its padding. */
function paddingIn(x: Value, tokens: Layer, context: LayerContext): Value {
  const [, positions] = x.shape;
  const given = context.inputOf(tokens);
  const shape = given.shape.slice(1);
  if (shape.length !== 1 || shape[0] !== positions) {
    const message = `there are ${positions} positions, and the embedding of padding was given ${formatShape(shape)} for each sample`;
    throw context.error(message, "Keep the positions between the embedding and this layer, or leave padding out.");
  }
  return math.reshape(math.equal(given, paddingOf(tokens)!), [-1, 1, 1, positions]);
}

function sequenceOf(x: Value, heads: number, even: boolean, context: LayerContext): [positions: number, width: number] {
  const sample = x.shape.slice(1);
  if (sample.length !== 2) {
    throw context.error(
      `a sample has shape ${formatShape(sample)}; expected [positions, width]`,
      "Give it a vector for each position, such as an embedding() makes of tokens.",
    );
  }
  const [positions, width] = sample;
  if (width % heads !== 0)
    throw context.error(`a width of ${width} cannot be cut into ${heads} heads`, `Use a width that is a multiple of ${heads}.`);
  if (even && (width / heads) % 2 !== 0) {
    const message = `rotary turns pairs of values, and each of ${heads} heads has ${width / heads}`;
    throw context.error(message, `Use a width that is a multiple of ${2 * heads}.`);
  }
  return [positions, width];
}

/** The one option that has to be there. @throws TabgradError MODEL_INVALID where it is not */
export function checkHeads(kind: string, options: unknown): asserts options is object {
  const heads = typeof options === "object" && options !== null && "heads" in options ? options.heads : options;
  checkSize(kind, "heads", heads, `${kind}({ heads: 4 })`);
}

export const attentionChecks: OptionChecks<AttentionOptions> = {
  heads: checkedLater,
  causal: checkFlag,
  rotary: checkRotary,
  bias: checkFlag,
  dropout: (kind, name, value) => checkRate(kind, name, value, "dropout: 0.1"),
  padding: checkPadding,
};

function checkPadding(kind: string, option: string, given: unknown): void {
  checkLayer(kind, option, given, "padding: tokens, tokens being the embedding");
  if (paddingOf(given) !== undefined) return;
  const message = `${kind}: padding is ${show(given)}; expected an embedding that has a padding`;
  throw new TabgradError("MODEL_INVALID", message, "Say which token is padding: embedding(83, 128, { padding: 0 }).");
}

function checkRotary(kind: string, option: string, given: unknown): void {
  if (typeof given === "boolean") return;
  if (typeof given !== "object" || given === null) {
    const message = `${kind}: ${option} is ${show(given)}; expected true, false or { base }`;
    throw new TabgradError("MODEL_INVALID", message, "Write, for example, rotary: true.");
  }
  optionsOf(`${kind}: ${option}`, given as { base?: unknown }, {
    base: (_, name, value) => checkPositive(kind, `${option}.${name}`, value),
  });
}

/** For listings. */
export const attentionDetail = ({ heads, causal = false, dropout = 0 }: AttentionOptions): string =>
  `${heads} ${heads === 1 ? "head" : "heads"}${causal ? ", causal" : ""}${dropout > 0 ? `, dropout ${dropout}` : ""}`;
