// `tabgrad import` of what `tabgrad export` wrote.
import {
  averagePool2d,
  conv1d,
  conv2d,
  dense,
  embedding,
  flatten,
  functional,
  gelu,
  globalMaxPool,
  leakyRelu,
  math,
  maxPool1d,
  layerNorm,
  permute,
  relu,
  reshape,
  residual,
  sequential,
  sigmoid,
  softmax,
  tanh,
  transformerBlock,
  unembedding,
  type Layer,
  type Shape,
} from "@tabgrad/core";
import { describe, it } from "vitest";
import { exported, imported } from "./importing.ts";

describe("what was exported here comes back", () => {
  it.each<[string, Layer, Shape, Shape]>([
    [
      "a perceptron",
      sequential(dense(5), relu(), dense(4, { bias: false }), leakyRelu({ slope: 0.3 }), dense(2), softmax()),
      [3],
      [2],
    ],
    ["one layer", dense(2), [3], [2]],
    ["sequences", sequential(dense(4, { flatten: false }), tanh(), dense(3)), [5, 2], [5, 3]],
    ["a residual block", sequential(dense(4), residual(dense(4), sigmoid(), dense(4))), [3], [4]],
    ["normalisation and gelu", sequential(layerNorm(), gelu(), dense(2)), [3], [2]],
    [
      "convolutions",
      sequential(
        conv2d(4, 3, { stride: 2, padding: "same", activation: relu() }),
        averagePool2d(2, { padding: 1, countPadding: true }),
        conv2d(4, [1, 3], { groups: 2 }),
        globalMaxPool(),
      ),
      [2, 6, 9],
      [4],
    ],
    [
      "convolutions of sequences",
      sequential(conv1d(3, 4, { dilation: 2, padding: 1 }), maxPool1d(2), flatten(), dense(2)),
      [2, 16],
      [2],
    ],
    ["other shapes", sequential(reshape([2, 6]), permute([1, 0]), reshape([12]), dense(2)), [3, 4], [2]],
    [
      "attention",
      functional({ key: dense(4), value: dense(4) }, (x, { key, value }) =>
        math.matmul(math.softmax(math.matmul(key(x), value(x), { transposeB: true })), value(x)),
      ),
      [3, 4],
      [3, 4],
    ],
    [
      "a language model, whose look-ups and masks are several nodes in the file",
      (() => {
        const tokens = embedding(7, 8);
        return sequential(
          tokens,
          transformerBlock({ heads: 2, causal: true, rotary: true }),
          transformerBlock({ heads: 2, activation: relu() }),
          layerNorm(),
          unembedding(tokens),
        );
      })(),
      [5],
      [5, 7],
    ],
    [
      "parts of a sample",
      functional({ left: dense(3) }, (x, { left }) =>
        math.concatenate(
          [
            left(math.slice(x, 1, 0, 2)),
            math.pad(math.maximum(x, 0.1), 1, 1, 2),
            math.divide(math.constant(x, 2), math.add(math.square(x), 1)),
          ],
          1,
        ),
      ),
      [4],
      [14],
    ],
  ])("%s", async (_, model, shape, outputs) => {
    await imported(exported(model, shape, outputs));
  });
});
