// Embeddings, tied and not, and encodings of positions: what they compute, how their parameters are called, and what they refuse.
import { describe, expect, it } from "vitest";
import { evaluate, parameterSlots, trainingGraph, type Graph } from "../src/graph/index.ts";
import {
  crossEntropy,
  dense,
  embedding,
  forwardGraph,
  positionEmbedding,
  predictionGraph,
  sequential,
  sinusoidalPositions,
  summary,
  unembedding,
  type Layer,
} from "../src/model/index.ts";
import { failure, predict } from "./model-support.ts";

const slots = (graph: Graph): string[] => parameterSlots(graph).map(({ name, shape }) => `${name} ${shape.join("×")}`);

describe("embedding", () => {
  it("gives each token its row of the weight, and zeros to what is no token", () => {
    const weight = [1, 2, 10, 20, 100, 200];
    expect(predict(embedding(3, 2), [2], 2, [2, 0, 1, 3], weight)).toEqual([100, 200, 1, 2, 10, 20, 0, 0]);
    expect(predict(embedding(3, 2), [], 2, [1, -1], weight)).toEqual([10, 20, 0, 0]);
    expect(slots(predictionGraph(sequential(embedding(3, 2)), [7]))).toEqual(["0.weight 3×2"]);
    expect(parameterSlots(predictionGraph(embedding(3, 2), [7]))[0].initialisation).toEqual({
      kind: "normal",
      mean: 0,
      deviation: 1,
    });
  });

  it("gives padding zeros, and trains no vector by it", () => {
    const tokens = embedding(3, 2, { padding: 1 });
    expect(predict(tokens, [3], 1, [2, 1, 0], [1, 2, 10, 20, 100, 200])).toEqual([100, 200, 0, 0, 1, 2]);
    const data = { features: { shape: [3], scale: 1, shift: 0 }, labels: { kind: "classes", count: 2, shape: [3] } } as const;
    const graph = trainingGraph(forwardGraph({ model: tokens, loss: crossEntropy(), metrics: [], data }), 1);
    const inputs = { features: [2, 1, 0], labels: [0, 1, 1], weights: [1] };
    const gradient = [...evaluate(graph, inputs, [1, 2, 10, 20, 3, 5])["gradient:weight"].data];
    expect(gradient.map((value) => value !== 0)).toEqual([true, true, false, false, true, true]);
    expect(failure(() => embedding(3, 2, { padding: 3 }))).toBe(
      "MODEL_INVALID: embedding: padding is 3; expected a token from 0 to 2 → " +
        "Give the token that sequences are filled up with, or leave it out.",
    );
  });

  it("refuses sizes and initialisers that are none", () => {
    expect(failure(() => embedding(0, 2))).toBe(
      "MODEL_INVALID: embedding: the count is 0; expected a whole number from 1 → Write, for example, embedding(256, 64).",
    );
    expect(failure(() => embedding(3, 1.5))).toContain("embedding: the width is 1.5; expected a whole number from 1");
    expect(failure(() => embedding(3, 2, { initialisation: 0.02 as never }))).toContain(
      "embedding: initialisation is 0.02; expected an initialiser",
    );
  });
});

describe("unembedding", () => {
  const tokens = embedding(3, 2);

  it("scores tokens by the vectors of the embedding, and has no parameters", () => {
    const model = sequential(tokens, unembedding(tokens));
    expect(predict(model, [2], 1, [0, 2], [1, 2, 10, 20, 100, 200])).toEqual([5, 50, 500, 500, 5000, 50000]);
    expect(slots(predictionGraph(model, [2]))).toEqual(["0.weight 3×2"]);
    expect(summary(predictionGraph(model, [2]))).toMatch(/unembedding 1\s+\[2, 3\]\s+0/);
  });

  it("gives the weight the sum of both ends' gradients", () => {
    const data = { features: { shape: [2], scale: 1, shift: 0 }, labels: { kind: "classes", count: 3, shape: [2] } } as const;
    const parameters = [0.3, -0.2, 0.5, 0.1, -0.4, 0.7];
    const inputs = { features: [0, 2], labels: [2, 1], weights: [1] };
    const gradientOf = (model: Layer, values: number[]): Record<string, number[]> => {
      const graph = trainingGraph(forwardGraph({ model, loss: crossEntropy(), metrics: [], data }), 1);
      return Object.fromEntries(Object.entries(evaluate(graph, inputs, values)).map(([name, { data }]) => [name, [...data]]));
    };
    const tied = gradientOf(sequential(tokens, unembedding(tokens)), parameters);
    const apart = gradientOf(sequential(embedding(3, 2), dense(3, { bias: false, flatten: false })), [
      ...parameters,
      ...parameters,
    ]);
    tied["gradient:0.weight"].forEach((value, i) =>
      expect(value).toBeCloseTo(apart["gradient:0.weight"][i] + apart["gradient:1.weight"][i], 12),
    );
  });

  it("wants an embedding that is applied before it, of the same width", () => {
    expect(failure(() => unembedding(dense(3)))).toBe(
      "MODEL_INVALID: unembedding: its argument is the layer dense; expected an embedding → Give it the object that embedding(…) returned, or use dense().",
    );
    expect(failure(() => predictionGraph(sequential(embedding(3, 2), unembedding(tokens)), [2]))).toContain(
      "unembedding 1: it needs the parameter weight of embedding, which has not been applied yet",
    );
    expect(failure(() => predictionGraph(sequential(tokens, dense(4, { flatten: false }), unembedding(tokens)), [2]))).toBe(
      "MODEL_INVALID: unembedding 2: vectors have 4 values, and the embedding's 2 → Put dense(2, { flatten: false }) before it.",
    );
  });
});

describe("positionEmbedding", () => {
  it("adds the vector of each position", () => {
    const model = positionEmbedding();
    expect(predict(model, [2, 2], 2, [1, 1, 1, 1, 0, 0, 0, 0], [10, 20, 30, 40])).toEqual([11, 21, 31, 41, 10, 20, 30, 40]);
    expect(slots(predictionGraph(model, [2, 2]))).toEqual(["weight 2×2"]);
  });

  it("may have vectors for more positions than a sample has, and not for fewer", () => {
    const model = positionEmbedding({ positions: 3 });
    expect(predict(model, [2, 1], 1, [1, 2], [10, 20, 30])).toEqual([11, 22]);
    expect(slots(predictionGraph(model, [2, 1]))).toEqual(["weight 3×1"]);
    expect(failure(() => predictionGraph(model, [4, 1]))).toBe(
      "MODEL_INVALID: positionEmbedding (3 positions): a sample has 4 positions, and there are vectors for 3 → Give positions: 4 or more.",
    );
    expect(failure(() => predictionGraph(model, [4]))).toBe(
      "MODEL_INVALID: positionEmbedding (3 positions): a sample has shape [4]; expected [positions, width] → Put it behind an embedding, or a layer that gives a vector for each position.",
    );
  });
});

describe("sinusoidalPositions", () => {
  it.each([4, 5])("adds the sines and cosines of the paper, for a width of %i", (width) => {
    const positions = 7;
    const found = predict(sinusoidalPositions(), [positions, width], 1, Array<number>(positions * width).fill(0.5));
    for (let t = 0; t < positions; t++) {
      for (let i = 0; i < width; i++) {
        const angle = t / 10_000 ** ((i - (i % 2)) / width);
        expect(found[t * width + i]).toBeCloseTo(0.5 + (i % 2 === 0 ? Math.sin(angle) : Math.cos(angle)), 6);
      }
    }
  });
});
