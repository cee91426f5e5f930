// What becomes of a file's constants: one parameter for each tensor, and none for a mask.
import type { OnnxModel } from "@tabgrad/cpu";
import { describe, expect, it } from "vitest";
import { graphOf, imported, node, tensor, weight, written } from "./importing.ts";

const noise = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(i + 1));

describe("a file that", () => {
  it("reads one tensor in two ways has one parameter", async () => {
    const table = noise(12);
    const turned = Array.from({ length: 12 }, (_, i) => table[(i % 4) * 3 + Math.floor(i / 4)]);
    const file = (initializers: OnnxModel["graph"]["initializers"], scores: string) =>
      written(
        graphOf({
          initializers: [weight("table", [4, 3], table), ...initializers],
          nodes: [
            { ...node("Transpose", ["table"], "columns"), attributes: { perm: { kind: "ints", value: [1, 0] } } },
            { ...node("Cast", ["x"], "i"), attributes: { to: { kind: "int", value: 7 } } },
            node("Gather", ["table", "i"], "h"),
            node("MatMul", ["h", scores], "s"),
            node("Add", ["s", "b"], "y"),
          ],
          inputs: [tensor("x", "n", 2)],
          outputs: [tensor("y", "n", 2, 4)],
        }),
      );
    const bias = weight("b", [4], [1, 2, 3, 4]);
    // Turned in the graph, and by an exporter that keeps both.
    for (const path of [file([bias], "columns"), file([bias, weight("copy", [3, 4], turned)], "copy")]) {
      const { text, weights } = await imported(path);
      expect(weights.map(({ name }) => name)).toEqual(["table", "b"]);
      expect(text).toContain("math.add(math.matmul(h0, table, { transposeB: true }), b)");
    }
    // Other numbers are other parameters.
    const { weights } = await imported(file([bias, weight("own", [3, 4], noise(24).slice(12))], "own"));
    expect(weights.map(({ name }) => name)).toEqual(["own.weight", "own.bias", "table"]);
  });

  it("applies a layer twice has it once, and keeps equal beginnings apart", async () => {
    const twice = (...add: readonly string[]) =>
      written(
        graphOf({
          initializers: [
            weight("w", [3, 3], noise(9)),
            weight("a", [3], noise(3)),
            weight("b", [3], [3, 2, 1]),
            weight("ones", [3], [1, 1, 1]),
          ],
          nodes: [
            node("MatMul", ["x", "w"], "h"),
            node("Add", ["h", add[0]], "i"),
            node("MatMul", ["i", "w"], "j"),
            node("Add", ["j", add[1]], "k"),
            node("Mul", ["k", "ones"], "l"),
            node("Mul", ["l", "ones"], "y"),
          ],
          inputs: [tensor("x", "n", 3)],
          outputs: [tensor("y", "n", 3)],
        }),
      );
    const same = await imported(twice("a", "a"));
    expect(same.weights.map(({ name }) => name)).toEqual(["w.weight", "w.bias", "ones", "ones1"]);
    expect(same.text.match(/= w\(/g)).toHaveLength(2);
    const other = await imported(twice("a", "b"));
    expect(other.weights.map(({ name }) => name)).toEqual(["w", "a", "b", "ones", "ones1"]);
    expect(other.text.match(/math\.matmul\(\w+, w\)/g)).toHaveLength(2);
  });

  it("adds a mask does not train it, where nothing else is made of it", async () => {
    const masked = (also: boolean) =>
      written(
        graphOf({
          initializers: [weight("hide", [3], [0, -Infinity, 0]), weight("shift", [3], [0, -1, 0])],
          nodes: [
            node("Add", ["x", "hide"], "h"),
            node("Softmax", ["h"], "s"),
            node("Add", ["s", "shift"], "t"),
            ...(also ? [node("Mul", ["t", "shift"], "y")] : [node("Relu", ["t"], "y")]),
          ],
          inputs: [tensor("x", "n", 3)],
          outputs: [tensor("y", "n", 3)],
        }),
      );
    const { text, weights } = await imported(masked(true));
    expect(text).toContain('context.buffer("hide"');
    expect(text.match(/context\.parameter\("shift"/g)).toHaveLength(1);
    expect([...weights.find(({ name }) => name === "hide")!.data]).toEqual([0, Math.fround(-1e30), 0]);
  });
});
