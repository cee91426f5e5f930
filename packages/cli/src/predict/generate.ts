// Text from a model that says what token comes next: one token at a time, drawn by chance that the seed decides.
import {
  elementCount,
  featuresField,
  keyed,
  softmaxOf,
  TabgradError,
  Tokenizer,
  UnknownCharacterError,
  type Program,
  type Shape,
  type TextDescription,
} from "@tabgrad/core";

export interface GenerateOptions {
  /** How many tokens to add. */
  readonly length: number;
  /** Divides the logits: below 1 the likely becomes likelier, 0 always takes the likeliest. */
  readonly temperature: number;
  /** Draws among so many of the likeliest tokens; undefined for all. */
  readonly topK?: number;
  readonly seed: number;
}

/** A program that continues text: features [tokens], and logits for each position or for the last one. */
export interface TextModel {
  readonly program: Program;
  readonly shape: Shape;
  readonly text: TextDescription;
}

/** The text that follows the prompt, token by token. @throws TabgradError OPTION_INVALID where the prompt can't be written in tokens */
export async function* generate(model: TextModel, prompt: string, options: GenerateOptions): AsyncGenerator<string> {
  const tokenizer = new Tokenizer(model.text);
  const tokens = encode(tokenizer, prompt);
  for (let i = 0; i < options.length; i++) {
    const token = draw(await nextLogits(model, tokens), i, options);
    tokens.push(token);
    yield tokenizer.decode([token]);
  }
}

function encode(tokenizer: Tokenizer, prompt: string): number[] {
  try {
    const tokens = tokenizer.encode(prompt);
    if (tokens.length > 0) return tokens;
  } catch (error) {
    if (!(error instanceof UnknownCharacterError)) throw error;
    const message = `The prompt has ${JSON.stringify(error.character)} at character ${error.index}, which the text that the model learned from has not`;
    throw new TabgradError("OPTION_INVALID", message, "Leave it out, or write it in another way.", { cause: error });
  }
  throw new TabgradError("OPTION_INVALID", "The prompt is empty", "Give the model something to go on from.");
}

/** What the model says of the token after these: it sees as many of the last ones as it has room for. */
async function nextLogits({ program, shape, text }: TextModel, tokens: readonly number[]): Promise<Float32Array> {
  const room = elementCount(shape);
  const seen = tokens.slice(-room);
  const count = text.vocabulary.length;
  const features = new Float32Array(room);
  const ask = (): Promise<Float32Array> =>
    program.predict({ rows: 1, samples: 1, inputs: { [featuresField]: features }, weights: Float32Array.of(1) });
  features.set(seen);
  const output = await ask();
  // What stands after a position has no say in it: a model of sequences looks back only.
  if (output.length === room * count) return output.slice((seen.length - 1) * count, seen.length * count);
  if (output.length !== count) {
    throw new TabgradError(
      "CHECKPOINT_INVALID",
      `The model gives ${output.length} numbers for ${room} tokens; expected one for each of ${count} tokens, at each position or for the next`,
      "Ask a model that learned the next token of a text.",
    );
  }
  if (seen.length === room) return output;
  // One answer for the whole window: the prompt stands at its end.
  features.fill(0).set(seen, room - seen.length);
  return ask();
}

/** By the inverse of the distribution function, at a number that the seed and the position decide. */
function draw(logits: Float32Array, position: number, { temperature, topK = logits.length, seed }: GenerateOptions): number {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  if (temperature === 0) return order[0];
  const candidates = order.slice(0, topK);
  const probabilities = softmaxOf(candidates.map((token) => logits[token] / temperature));
  const chance = new Float32Array(1);
  keyed(seed, "sample", position).fillUniform(chance);
  let left = chance[0];
  const chosen = probabilities.findIndex((probability) => (left -= probability) < 0);
  return candidates[chosen < 0 ? candidates.length - 1 : chosen];
}
