// What a checkpoint says beside its weights: enough to ask the model without the data that it was trained on.
import { crossEntropy, dense, reshape, sequential, text, Tokenizer } from "@tabgrad/core";
import { openDataset } from "@tabgrad/data";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openTrainedModel } from "../src/trained-model.ts";
import { checkpointOf, temporaryFolder } from "./checkpoints.ts";

describe("openTrainedModel", () => {
  it("has the tokens of the text that the model was trained on", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "book.txt"), "the cat and the hat, the rat and the mat. ".repeat(9));
    const data = text({ path: "book.txt", length: 4, tokens: { bytePairs: 24 } });
    const { description } = await openDataset(data, { baseDirectory: folder, seed: 1, cache: join(folder, "cache") });
    const { features, labels, text: tokens } = description;
    const count = tokens!.vocabulary.length;
    const model = sequential(dense(4 * count), reshape([4, count]));
    const { path } = await checkpointOf({ data, model, loss: crossEntropy() }, { features, labels, ...{ text: tokens } });
    const opened = await openTrainedModel(path);
    expect(opened.text).toEqual(tokens);
    const tokenizer = new Tokenizer(opened.text!);
    expect(tokenizer.decode(tokenizer.encode("the hat"))).toBe("the hat");
    expect(opened.labels).toMatchObject({ kind: "classes", count, shape: [4] });
  });
});
