// The baseline is a language model: probabilities that add up, and those of the formula in a case small enough for a hand.
import { describe, expect, it } from "vitest";
import { KneserNey } from "./kneser-ney.ts";

describe("KneserNey", () => {
  it.each([1, 2, 3, 5])("gives probabilities that add up to 1, with %i-grams", (order) => {
    const text = "the whale, the white whale! the whale and the sea";
    const characters = [...new Set(text), "q"];
    const model = new KneserNey(text, order, characters.length);
    for (const before of ["", "t", "the wh", "zzz", "sea"]) {
      const total = characters.reduce((sum, character) => sum + model.probability(before, character), 0);
      expect(total).toBeCloseTo(1, 12);
    }
  });

  it("interpolates with the number of contexts", () => {
    const bigrams = new KneserNey("ababac", 2, 3);
    // ab ×2, ba ×2, ac: n₁ = 1, n₂ = 2, so the discount is 1 / 5; each of a, b, c follows one other, so theirs is 3 / 3.
    const unigram = (1 - 1) / 3 + ((1 * 3) / 3) * (1 / 3);
    expect(bigrams.probability("a", "c")).toBeCloseTo((1 - 0.2 + 0.2 * 2 * unigram) / 3, 12);
    expect(bigrams.probability("a", "b")).toBeCloseTo((2 - 0.2 + 0.2 * 2 * unigram) / 3, 12);
    expect(bigrams.probability("x", "b")).toBeCloseTo(unigram, 12);
  });
});
