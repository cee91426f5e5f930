// Vector programs against the operations' own meaning, bit for bit, and what a memory of vectors promises.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GraphBuilder, math, type Graph, type Value } from "../src/graph/index.ts";
import { compileVectorProgram, VectorMemory } from "../src/vector/index.ts";
import { evaluateInFloat32, sumMagnitude, vectorCase, type VectorCase } from "./vector-graphs.ts";

/** A graph of vectors and scalars, by name. */
function graphOf(vectors: string[], scalars: string[], build: (values: Record<string, Value>) => Record<string, Value>): Graph {
  const builder = new GraphBuilder(1);
  const input = (name: string, batched: boolean) => [name, builder.emit("input", [], { name, shape: [], batched })] as const;
  return builder.graph(
    build(Object.fromEntries([...vectors.map((name) => input(name, true)), ...scalars.map((name) => input(name, false))])),
  );
}

/** A memory in which the case's vectors lie at `margin`, between values that must not change. */
function memoryFor({ length, vectors }: VectorCase, margin: number): VectorMemory {
  const names = [...Object.keys(vectors), "fresh"];
  const memory = new VectorMemory(Object.fromEntries(names.map((name) => [name, length + 2 * margin])));
  for (const name of names) {
    memory.vector(name).fill(7);
    memory.vector(name).set(vectors[name] ?? [], margin);
  }
  return memory;
}

describe("a vector program", () => {
  it("computes what its graph means, bit for bit, at any offset and length", () => {
    fc.assert(
      fc.property(vectorCase, fc.nat({ max: 5 }), (test, margin) => {
        const memory = memoryFor(test, margin);
        const sums = compileVectorProgram(test.graph).bind(memory)({ offset: margin, count: test.length, scalars: test.scalars });
        const expected = evaluateInFloat32(test);
        const surround = new Array<number>(margin).fill(7);
        expect([...memory.vector("a")]).toEqual([...surround, ...expected.a, ...surround]);
        expect([...memory.vector("fresh")]).toEqual([...surround, ...expected.fresh, ...surround]);
        expect([...memory.vector("b")]).toEqual([...surround, ...test.vectors.b, ...surround]);
        for (const name of ["total", "product"]) {
          const [exact] = expected[name];
          // Sums in another order: equal within rounding of the terms, which may cancel.
          if (Number.isFinite(exact)) expect(Math.abs(sums[name] - exact)).toBeLessThanOrEqual(1e-13 * sumMagnitude(test, name));
          else expect(sums[name]).toBe(exact);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("gives the same bits however the vectors are cut, and sums equal within rounding", () => {
    fc.assert(
      fc.property(vectorCase, fc.array(fc.integer({ min: 1, max: 13 })), (test, cuts) => {
        const program = compileVectorProgram(test.graph);
        const [whole, parts] = [memoryFor(test, 0), memoryFor(test, 0)];
        const sums = program.bind(whole)({ count: test.length, scalars: test.scalars });
        const run = program.bind(parts);
        let total = 0;
        let offset = 0;
        for (const cut of [...cuts, test.length]) {
          const count = Math.min(cut, test.length - offset);
          total += run({ offset, count, scalars: test.scalars }).total;
          offset += count;
        }
        expect([...parts.vector("a")]).toEqual([...whole.vector("a")]);
        expect([...parts.vector("fresh")]).toEqual([...whole.vector("fresh")]);
        if (Number.isFinite(sums.total))
          expect(Math.abs(total - sums.total)).toBeLessThanOrEqual(1e-13 * sumMagnitude(test, "total"));
        else expect(total).toBe(sums.total);
      }),
      { numRuns: 300 },
    );
  });

  it("computes scalars in float64 and rounds them where they meet a vector", () => {
    // 1 − 0.9 in float32 would be 0.100000024.
    const graph = graphOf(["x"], ["beta"], ({ x, beta }) => ({ x: math.multiply(x, math.subtract(math.constant(beta, 1), beta)) }));
    const memory = new VectorMemory({ x: 5 });
    memory.vector("x").fill(1);
    compileVectorProgram(graph).bind(memory)({ count: 5, scalars: { beta: 0.9 } });
    expect(memory.vector("x")).toEqual(new Float32Array(5).fill(Math.fround(1 - 0.9)));
  });

  it("squares in float64 under a sum, so that only a value that is not finite makes the sum so", () => {
    const graph = graphOf(["x"], [], ({ x }) => ({ squares: math.sum(math.square(x)) }));
    for (const count of [1, 3, 8, 9, 30]) {
      const memory = new VectorMemory({ x: count });
      const run = compileVectorProgram(graph).bind(memory);
      memory.vector("x").fill(3e38);
      const largest = Math.fround(3e38);
      expect(run({ count }).squares / (count * largest * largest)).toBeCloseTo(1, 12);
      for (let i = 0; i < count; i++) {
        for (const bad of [NaN, Infinity, -Infinity]) {
          memory.vector("x")[i] = bad;
          expect(run({ count }).squares).toBe(Math.abs(bad));
        }
        memory.vector("x")[i] = 1e-30;
      }
      expect(run({ count }).squares / (count * Math.fround(1e-30) ** 2)).toBeCloseTo(1, 12);
    }
  });

  it("runs on vectors under other names, at offsets of their own, and on one vector in two parts", () => {
    const graph = graphOf(["x", "y"], [], ({ x, y }) => ({ x: math.add(x, y) }));
    const memory = new VectorMemory({ sum: 10, values: 4 });
    memory.vector("values").set([1, 2, 3, 4]);
    const program = compileVectorProgram(graph);
    const add = program.bind(memory, { x: "sum", y: "values" });
    add({ offset: 5, offsets: { y: 1 }, count: 3 });
    expect([...memory.vector("sum")]).toEqual([0, 0, 0, 0, 0, 2, 3, 4, 0, 0]);
    const double = program.bind(memory, { x: "sum", y: "sum" });
    double({ count: 10 });
    expect([...memory.vector("sum")]).toEqual([0, 0, 0, 0, 0, 4, 6, 8, 0, 0]);
    expect(() => double({ offset: 0, offsets: { y: 1 }, count: 5 })).toThrow("the values of x and y overlap");
  });

  it("says what it reads, writes and returns", () => {
    const graph = graphOf(["x", "unused"], ["s", "ignored"], ({ x, s }) => ({ y: math.multiply(x, s), total: math.sum(x) }));
    const { vectors, scalars, sums } = compileVectorProgram(graph);
    expect({ vectors, scalars, sums }).toEqual({ vectors: ["x", "y"], scalars: ["s"], sums: ["total"] });
  });

  it("does nothing to no values", () => {
    const graph = graphOf(["x"], [], ({ x }) => ({ x: math.negate(x), total: math.sum(x) }));
    const memory = new VectorMemory({ x: 3 });
    memory.vector("x").set([1, 2, 3]);
    expect(compileVectorProgram(graph).bind(memory)({ offset: 3, count: 0 })).toEqual({ total: 0 });
    expect([...memory.vector("x")]).toEqual([1, 2, 3]);
  });

  it("refuses values outside a vector, and a call without a scalar", () => {
    const graph = graphOf(["x"], ["s"], ({ x, s }) => ({ x: math.multiply(x, s) }));
    const run = compileVectorProgram(graph).bind(new VectorMemory({ x: 10 }));
    for (const call of [
      { offset: 4, count: 7 },
      { offset: -1, count: 2 },
      { offset: 0.5, count: 2 },
      { count: -1 },
      { count: NaN },
    ]) {
      expect(() => run({ ...call, scalars: { s: 1 } })).toThrow(RangeError);
    }
    expect(() => run({ count: 10 })).toThrow("the scalar s is missing");
  });

  it.each<[string, () => Graph, string]>([
    [
      "an operation that is not elementwise",
      () => graphOf(["x"], [], ({ x }) => ({ y: math.softmax(x) })),
      "softmax on a vector is not supported",
    ],
    [
      "an elementwise operation it does not know",
      () => graphOf(["x"], [], ({ x }) => ({ y: math.exp(x) })),
      "exp on a vector is not supported",
    ],
    [
      "a reduction that is not a sum",
      () => graphOf(["x"], [], ({ x }) => ({ y: math.max(x) })),
      "max over a vector is not supported",
    ],
    ["a sum that is used", () => graphOf(["x"], [], ({ x }) => ({ y: math.multiply(x, math.sum(x)) })), "multiply takes a sum"],
    ["a scalar output", () => graphOf([], ["s"], ({ s }) => ({ y: math.negate(s) })), 'The output "y" is a scalar'],
    [
      "a vector of another length",
      () => graphOf(["x"], [], ({ x }) => ({ y: math.add(x, math.constant(x, [1, 2, 3], [3])) })),
      "constant has shape [3], which is neither a vector nor a scalar",
    ],
    [
      "a parameter",
      () => {
        const builder = new GraphBuilder(1);
        const initialisation = { kind: "constant", value: 0 } as const;
        return builder.graph({ y: builder.emit("parameter", [], { name: "w", shape: [1], initialisation }) });
      },
      'parameter "w" has no place in a vector program',
    ],
  ])("refuses %s", (_, graph, message) => {
    expect(() => compileVectorProgram(graph())).toThrow(
      expect.objectContaining({ code: "GRAPH_INVALID", message: expect.stringContaining(message) }),
    );
  });

  it("names the label of an operation it refuses", () => {
    const builder = new GraphBuilder(1);
    const x = builder.emit("input", [], { name: "x", shape: [], batched: true });
    const y = builder.scope("my rule", () => math.tanh(x));
    expect(() => compileVectorProgram(builder.graph({ y }))).toThrow("my rule: tanh on a vector is not supported.");
  });
});

describe("a memory of vectors", () => {
  it("holds zeros, in vectors that begin on a cache line and do not touch", () => {
    const memory = new VectorMemory({ a: 17, empty: 0, b: 1 });
    expect(memory.names).toEqual(["a", "empty", "b"]);
    expect(memory.names.map((name) => memory.address(name))).toEqual([0, 128, 128]);
    expect(memory.vector("a")).toEqual(new Float32Array(17));
    memory.vector("a").fill(1);
    expect([...memory.vector("b")]).toEqual([0]);
    expect(() => memory.vector("c")).toThrow("there is no vector c, only a, empty, b");
    expect(() => new VectorMemory({ a: 1.5 })).toThrow("1.5 is not a number of values");
  });

  it("reaches beyond 2 GiB", () => {
    // Pages that nobody writes to take no memory.
    const length = 300_000_000;
    const memory = new VectorMemory({ a: length, b: length, c: 6 });
    const graph = graphOf(["b", "c"], [], ({ b, c }) => ({ b: math.add(b, c) }));
    memory.vector("c").set([1, 2, 3, 4, 5, 6]);
    compileVectorProgram(graph).bind(memory)({ offset: length - 6, offsets: { c: 0 }, count: 6 });
    expect(memory.address("b") + 4 * (length - 6)).toBeGreaterThan(2 ** 31);
    expect([...memory.vector("b").subarray(-7)]).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("says so where vectors do not fit", () => {
    expect(() => new VectorMemory({ parameters: 600_000_000, gradients: 600_000_000 })).toThrow(
      expect.objectContaining({
        code: "MODEL_TOO_LARGE",
        message:
          "The vectors parameters (600,000,000 values), gradients (600,000,000 values) need 4.5 GiB; at most 4 GiB can be held.",
      }),
    );
  });
});
