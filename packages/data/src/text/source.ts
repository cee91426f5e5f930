// A text as sequences: each is so many tokens, and its labels are the tokens that follow each of them.
import { defaultHeldOut, type Field, featuresField, type FieldValues, labelsField, type TextSpec, Tokenizer } from "@tabgrad/core";
import type { LocalFile } from "../files/byte-reader.ts";
import type { Find } from "../files/find.ts";
import { blockSamples, concatenated, type DataSource, type Samples, type SampleStream, stretchOf } from "../samples.ts";
import { heldOutCount } from "../shards/split.ts";
import { learnVocabulary, textInvalid, tokensOf } from "./tokens.ts";

interface Windows {
  readonly length: number;
  readonly stride: number;
  readonly storage: Field["storage"];
}

const arrayOf = (storage: Field["storage"], length: number): FieldValues =>
  storage === "uint8" ? new Uint8Array(length) : new Int32Array(length);

/** The sequences of one file. */
async function fileSequences(file: LocalFile, tokenizer: Tokenizer, windows: Windows): Promise<SampleStream> {
  const { length, stride } = windows;
  let tokens = 0;
  for await (const some of tokensOf(file, tokenizer)) tokens += some.length;
  const count = tokens > length ? Math.floor((tokens - 1 - length) / stride) + 1 : 0;
  return { count, blocks: (from) => sequences(tokensOf(file, tokenizer), windows, count, from) };
}

/** Sequence `k` begins at token `k * stride`. */
async function* sequences(
  tokens: AsyncIterable<readonly number[]>,
  { length, stride, storage }: Windows,
  count: number,
  from: number,
): AsyncGenerator<Samples> {
  const most = blockSamples(2 * length);
  let kept: number[] = [];
  let keptFrom = 0;
  let next = from;
  for await (const some of tokens) {
    kept = kept.concat(some);
    while (next < count) {
      // Sequences of which the last token's successor is there.
      const there = Math.floor((keptFrom + kept.length - 1 - length) / stride) - next + 1;
      const rows = Math.min(there, most, count - next);
      if (rows <= 0) break;
      const features = arrayOf(storage, rows * length);
      const labels = arrayOf(storage, rows * length);
      for (let r = 0; r < rows; r += 1) {
        const begin = (next + r) * stride - keptFrom;
        for (let t = 0; t < length; t += 1) {
          features[r * length + t] = kept[begin + t];
          labels[r * length + t] = kept[begin + t + 1];
        }
      }
      yield { count: rows, columns: [features, labels] };
      next += rows;
    }
    const used = Math.min(kept.length, Math.max(0, next * stride - keptFrom));
    kept = kept.slice(used);
    keptFrom += used;
    if (next >= count) return;
  }
}

/**
 * Reads the files of a `text(…)`.
 * @throws TabgradError DATA_NOT_FOUND, DATA_UNREADABLE, DATA_TEXT_INVALID
 */
export async function textSource(spec: TextSpec, find: Find): Promise<DataSource> {
  const { length, stride = length, tokens = "characters", test = defaultHeldOut } = spec;
  const files = await find(spec.path);
  const text = await learnVocabulary(files, tokens);
  const { vocabulary } = text;
  const tokenizer = new Tokenizer(text);
  const storage = vocabulary.length <= 256 ? "uint8" : "int32";

  const read = async (found: readonly LocalFile[]): Promise<SampleStream> => {
    const streams = await Promise.all(found.map((file) => fileSequences(file, tokenizer, { length, stride, storage })));
    const all = concatenated(streams);
    if (all.count > 0) return all;
    const remedy = 'Choose a smaller "length", or add text.';
    throw textInvalid(
      found.map(({ name }) => name).join(", "),
      `there is no sequence of ${length} tokens and one more to learn`,
      remedy,
    );
  };
  const all = await read(files);
  const split = "path" in test ? { train: all, test: await read(await find(test.path)) } : splitTail(all, test.fraction, spec);
  return {
    fields: [
      { name: featuresField, storage, shape: [length] },
      { name: labelsField, storage, shape: [length] },
    ],
    ...split,
    labels: { kind: "classes", count: vocabulary.length, shape: [length], names: vocabulary },
    text,
    normalise: { method: "none" },
  };
}

/** Holds out the end of the text. Sequences that overlap with it are left out. */
function splitTail(all: SampleStream, fraction: number, { length, stride = length }: TextSpec): Pick<DataSource, "train" | "test"> {
  const held = heldOutCount(all.count, { fraction });
  if (held === 0) return { train: all, test: { fraction } };
  const gap = Math.ceil(length / stride) - 1;
  const begin = all.count - held;
  return { train: stretchOf(all, 0, Math.max(1, begin - gap)), test: stretchOf(all, begin, all.count) };
}
