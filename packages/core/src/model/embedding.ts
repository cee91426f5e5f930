// Tokens as vectors, and vectors as scores of tokens: the two ends of a language model.
import * as math from "../graph/math.ts";
import { TabgradError } from "../errors.ts";
import { checkInitialiser, normal, type Initialiser } from "./initialisers.ts";
import { checkLayer, type Layer } from "./layer.ts";
import { optionsOf } from "./options.ts";
import { checkSize, show } from "./role.ts";

export interface EmbeddingOptions {
  /**
   * How the vectors begin. Default: `normal({ mean: 0, deviation: 1 })`, as in PyTorch. For vectors that are tied to an `unembedding`, or
   * that positions are added to, `normal({ deviation: 0.02 })` is usual (Radford et al. 2018).
   */
  readonly initialisation?: Initialiser;
  /**
   * The token that fills up sequences which are shorter than others: its vector is zeros and is not trained, whatever "weight" has there,
   * and attention that is given this embedding as `padding` looks past it. Default: none.
   */
  readonly padding?: number;
}

/** An embedding knows its padding, for layers that are given it. */
interface Embedding extends Layer {
  readonly padding: number | undefined;
}

/**
 * A vector for each token: [rows, …], whole numbers from 0, becomes [rows, …, width]. A number outside gives a vector of zeros.
 * The vectors are the parameter "weight" of shape [count, width], as in PyTorch's `nn.Embedding`.
 * Bengio, Ducharme, Vincent & Jauvin 2003, https://www.jmlr.org/papers/v3/bengio03a.html
 * @param count how many tokens there are
 * @throws TabgradError MODEL_INVALID where an option is wrong
 */
export function embedding(count: number, width: number, options?: EmbeddingOptions): Layer {
  checkSize("embedding", "the count", count, "embedding(256, 64)");
  checkSize("embedding", "the width", width, "embedding(256, 64)");
  const { initialisation = normal({ deviation: 1 }), padding } = optionsOf("embedding", options, {
    initialisation: checkVectors,
    padding: (_, name, value) => checkToken(name, value, count),
  });
  const layer: Embedding = {
    role: "layer",
    kind: "embedding",
    detail: `${count} × ${width}${padding === undefined ? "" : `, padding ${padding}`}`,
    padding,
    build(x, context) {
      const weight = context.parameter("weight", [count, width], initialisation.resolve({ fanIn: count, fanOut: width }));
      // No row has this number, so that the vector is zeros.
      const rows = padding === undefined ? x : math.select(math.equal(x, padding), math.constant(x, -1), x);
      return math.gather(weight, rows);
    },
  };
  return layer;
}

/** The token that `layer`, an embedding, takes for padding; undefined where it has none, or is none. */
export const paddingOf = (layer: Layer): number | undefined => (layer as Partial<Embedding>).padding;

/**
 * A score for each token by the vectors of an embedding, which is applied before it in the model: y = x·Wᵀ with its "weight", so that
 * [rows, …, width] becomes [rows, …, count]. It has no parameters of its own, which spares a language model many.
 * Press & Wolf 2017, https://arxiv.org/abs/1608.05859
 *
 *     const tokens = embedding(80, 128, { initialisation: normal({ deviation: 0.02 }) });
 *     sequential(tokens, block(), block(), layerNorm(), unembedding(tokens))
 *
 * @throws TabgradError MODEL_INVALID where the argument is no embedding, or x is of another width
 */
export function unembedding(tokens: Layer): Layer {
  checkLayer("unembedding", "its argument", tokens, "unembedding(tokens), tokens being the embedding");
  if (tokens.kind !== "embedding") {
    const message = `unembedding: its argument is ${show(tokens)}; expected an embedding`;
    throw new TabgradError("MODEL_INVALID", message, "Give it the object that embedding(…) returned, or use dense().");
  }
  return {
    role: "layer",
    kind: "unembedding",
    detail: "",
    build(x, context) {
      const weight = context.parameterOf(tokens, "weight");
      const [count, width] = weight.shape;
      const given = x.shape[x.shape.length - 1];
      if (x.shape.length < 2 || given !== width) {
        const what = x.shape.length < 2 ? "a sample is one number" : `vectors have ${given} values`;
        throw context.error(`${what}, and the embedding's ${width}`, `Put dense(${width}, { flatten: false }) before it.`);
      }
      // One large product instead of one for each row.
      const scores = math.matmul(math.reshape(x, [-1, width]), weight, { transposeB: true });
      return math.reshape(scores, [-1, ...x.shape.slice(1, -1), count]);
    },
  };
}

function checkToken(option: string, value: unknown, count: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < count) return;
  const message = `embedding: ${option} is ${show(value)}; expected a token from 0 to ${count - 1}`;
  throw new TabgradError("MODEL_INVALID", message, "Give the token that sequences are filled up with, or leave it out.");
}

/** How vectors begin. @throws TabgradError MODEL_INVALID unless `value` is an initialiser */
export const checkVectors = (kind: string, option: string, value: unknown): void =>
  checkInitialiser(kind, option, value, `${option}: normal({ deviation: 0.02 })`);
