// Text as tokens and sequences: what is learned from a text, that it comes back as it was, and that no held-out sequence was trained on.
import { gzipSync } from "node:zlib";
import { piecesOf, text, type TextOptions, Tokenizer } from "@tabgrad/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findFiles } from "../src/files/find.ts";
import { readSource } from "../src/read.ts";
import type { Samples } from "../src/samples.ts";
import { learnBytePairs } from "../src/text/byte-pairs.ts";
import { collect, readAll, refusal, testFolder } from "./data-files.ts";

const folder = testFolder();

function counted(content: string): Map<string, number> {
  const words = new Map<string, number>();
  for (const piece of piecesOf(content)) words.set(piece, (words.get(piece) ?? 0) + 1);
  return words;
}

describe("byte-pair tokens", () => {
  it("merge the most frequent pair first, the older tokens among equals", () => {
    // The example of Sennrich et al.: low 5 times, lower 2, newest 6, widest 3. "e s" and "s t" occur 9 times each, "es t" then, too.
    const words = new Map([
      ["low", 5],
      ["lower", 2],
      ["newest", 6],
      ["widest", 3],
    ]);
    const characters = [...new Set([...words.keys()].join(""))].sort();
    const { vocabulary, merges } = learnBytePairs(characters, words, characters.length + 4);
    expect(merges).toEqual([
      ["e", "s"],
      ["es", "t"],
      ["l", "o"],
      ["lo", "w"],
    ]);
    expect(vocabulary.slice(characters.length)).toEqual(["es", "est", "lo", "low"]);
    const tokenizer = new Tokenizer({ vocabulary, merges });
    expect(tokenizer.encode("lowest").map((id) => vocabulary[id])).toEqual(["low", "est"]);
  });

  it("stop where no pair occurs twice", () => {
    expect(learnBytePairs(["a", "b"], new Map([["ab", 1]]), 100)).toEqual({ vocabulary: ["a", "b"], merges: [] });
    expect(learnBytePairs(["a"], new Map([["aaaa", 1]]), 100).vocabulary).toEqual(["a", "aa"]);
  });

  it("give any text back, and are learned the same from the same text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."ab cd\n.é😀1"), maxLength: 200 }),
        fc.integer({ min: 12, max: 60 }),
        (content, size) => {
          const characters = [...new Set(content)].sort();
          const learned = learnBytePairs(characters, counted(content), size);
          expect(learnBytePairs(characters, counted(content), size)).toEqual(learned);
          expect(new Set(learned.vocabulary).size).toBe(learned.vocabulary.length);
          const tokenizer = new Tokenizer(learned);
          expect(tokenizer.decode(tokenizer.encode(content))).toBe(content);
        },
      ),
    );
  });

  it("never reach from one piece into the next, and pieces are the text", () => {
    expect(piecesOf("It's  42 cats,\n\nno?")).toEqual(["It", "'", "s", "  ", "42", " cats", ",", "\n\n", "no", "?"]);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (content) => {
        expect(piecesOf(content).join("")).toBe(content);
      }),
    );
  });
});

describe("text", () => {
  const read = async (content: string | Uint8Array, options: Omit<TextOptions, "path">) => {
    await folder.write("book.txt", content);
    return readAll(text({ path: "book.txt", ...options }), folder.path());
  };
  /** Each sample as the text of its features and of its labels. */
  const shown = ({ count, columns }: Samples, vocabulary: readonly string[]): string[][] =>
    Array.from({ length: count }, (_, i) =>
      columns.map((values) => {
        const length = values.length / count;
        return [...values.subarray(i * length, (i + 1) * length)].map((id) => vocabulary[id]).join("");
      }),
    );

  it("makes sequences and the tokens that follow, characters sorted", async () => {
    const source = await read("hello world", { length: 3, test: { fraction: 0 } });
    expect(source).toMatchObject({
      fields: [
        { name: "features", storage: "uint8", shape: [3] },
        { name: "labels", storage: "uint8", shape: [3] },
      ],
      labels: { kind: "classes", count: 8, shape: [3], names: [" ", "d", "e", "h", "l", "o", "r", "w"] },
      text: { vocabulary: [" ", "d", "e", "h", "l", "o", "r", "w"] },
      normalise: { method: "none" },
    });
    expect(shown(source.train, source.text!.vocabulary)).toEqual([
      ["hel", "ell"],
      ["lo ", "o w"],
      ["wor", "orl"],
    ]);
  });

  it("lets sequences overlap, or leaves text between them", async () => {
    const at = async (stride: number) => {
      const source = await read("abcdefgh", { length: 2, stride, test: { fraction: 0 } });
      return shown(source.train, source.text!.vocabulary).map(([features]) => features);
    };
    expect(await at(1)).toEqual(["ab", "bc", "cd", "de", "ef", "fg"]);
    expect(await at(5)).toEqual(["ab", "fg"]);
  });

  it("holds out the end of the text, and trains on nothing that overlaps it", async () => {
    const content = Array.from({ length: 200 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("");
    for (const stride of [1, 3, 4, 7]) {
      const source = await read(content, { length: 4, stride, test: { fraction: 0.2 } });
      const [train, test] = [source.train, source.test as Samples].map(({ columns }) => new Set(columns[0]));
      expect([...train].filter((token) => test.has(token))).toEqual([]);
      expect(Math.max(...train)).toBeLessThan(Math.min(...test));
    }
  });

  it("learns byte pairs from the training text, and reads others by them", async () => {
    await folder.write("other.txt", "the kit");
    const source = await read("the cat thinks the other thinks that too ".repeat(30), {
      length: 4,
      tokens: { bytePairs: 40 },
      test: { path: "other.txt" },
    });
    expect(source.text!.vocabulary.length).toBeLessThanOrEqual(40);
    expect(source.text!.vocabulary).toContain(" the");
    expect(source.text!.merges!.length).toBeGreaterThan(10);
    expect(shown(source.test as Samples, source.text!.vocabulary)[0][0]).toMatch(/^the k/);
  });

  it("reads gzip, several files without sequences across them, and on from any sequence", async () => {
    await folder.write("a.txt.gz", gzipSync("abcabca"));
    await folder.write("b.txt", "cbacba");
    const spec = text({ path: ["a.txt.gz", "b.txt"], length: 2, test: { fraction: 0 } });
    const source = await readAll(spec, folder.path());
    const features = shown(source.train, ["a", "b", "c"]).map(([each]) => each);
    expect(features).toEqual(["ab", "ca", "bc", "cb", "ac"]);
    const find = (paths: Parameters<typeof findFiles>[0]) =>
      findFiles(paths, { baseDirectory: folder.path(), fetch: () => Promise.reject(new Error("nothing is fetched here")) });
    const { train } = await readSource(spec, { baseDirectory: folder.path(), find });
    for (let from = 0; from < 5; from += 1) {
      expect(shown(await collect(train, from), ["a", "b", "c"]).map(([each]) => each)).toEqual(features.slice(from));
    }
  });

  it("makes the same tokens of a text that is longer than what is read at a time", async () => {
    const line = "It was the best of times, it was the worst of times 😀.\n";
    const content = line.repeat(22_000);
    await folder.write("long.txt", content);
    const source = await readAll(
      text({ path: "long.txt", length: 100, tokens: { bytePairs: 64 }, test: { fraction: 0 } }),
      folder.path(),
    );
    const tokenizer = new Tokenizer(source.text!);
    const all = tokenizer.encode(content);
    expect(source.train.count).toBe(Math.floor((all.length - 1) / 100));
    const expected = Uint8Array.from(all.slice(0, source.train.count * 100));
    expect(Buffer.compare(source.train.columns[0] as Uint8Array, expected)).toBe(0);
  });

  it.each<[string, string | Uint8Array, Partial<TextOptions>, string]>([
    ["a text that is too short", "ab", { length: 2 }, "book.txt: there is no sequence of 2 tokens and one more to learn"],
    ["an empty file", "", { length: 2 }, "there are 0 different characters"],
    ["one character", "aaaa", { length: 2 }, "there are 1 different characters"],
    [
      "too few tokens",
      "abcdef",
      { length: 2, tokens: { bytePairs: 3 } },
      "there are 6 different characters; expected no more than the 3 tokens",
    ],
    ["another encoding", Uint8Array.of(65, 0xfc, 66), { length: 1 }, "the file is no UTF-8 text"],
  ])("refuses %s", async (_, content, options, message) => {
    const refused = await refusal(() => read(content, { length: 2, ...options }));
    expect(refused.code).toBe("DATA_TEXT_INVALID");
    expect(refused.message).toContain(message);
  });

  it("names the line of a character that the training text lacks", async () => {
    await folder.write("test.txt", "ab\nba\nabé");
    const refused = await refusal(() => read("abba\nab", { length: 2, test: { path: "test.txt" } }));
    expect(refused.message).toBe(
      `${folder.path()}/test.txt:3: the character "é" (U+00E9) is not in the text to train on, so there is no token for it`,
    );
  });
});
