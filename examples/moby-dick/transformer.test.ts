// The example stays what its comments say it is.
import { forwardGraph, initialParameters, parameterSlots } from "tabgrad";
import { describe, expect, it } from "vitest";
import run from "./transformer.ts";

describe("examples/moby-dick/transformer.ts", () => {
  const graph = forwardGraph({
    model: run.model,
    loss: run.loss,
    data: {
      features: { shape: [128], scale: 1, shift: 0 },
      labels: { kind: "classes", count: 83, shape: [128] },
    },
  });

  it("is four blocks between an embedding and its transpose", () => {
    const names = parameterSlots(graph).map(({ name }) => name);
    expect(names.filter((name) => /^\w+\.weight$/.test(name))).toEqual(["0.weight", "5.weight"]);
    expect(names.filter((name) => name.endsWith("in_proj_weight"))).toHaveLength(4);
    expect(initialParameters(graph, run.seed ?? 1)).toHaveLength(803_968);
  });
});
