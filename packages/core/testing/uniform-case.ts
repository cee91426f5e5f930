// A graph whose gradient is the very numbers that `uniform` draws, so that engines can be held to their bits.
import fc from "fast-check";
import { elementCount, GraphBuilder, keysInput, math, type Graph, type Shape } from "../src/graph/index.ts";
import { keyed } from "../src/random/index.ts";

export interface UniformCase {
  /** Loss of a row: Σ p · u, with the parameter p of shape `shape` and the row's random numbers u. */
  readonly forward: Graph;
  readonly shape: Shape;
  readonly stream: number;
  /** [1, 4]: one row's key, in halves. */
  readonly keys: Float32Array;
  /** What the gradient of p must be, bit for bit. */
  readonly expected: Float32Array;
}

export const uniformCase: fc.Arbitrary<UniformCase> = fc
  .record({
    seed: fc.nat(),
    stream: fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    shape: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
  })
  .map(({ seed, stream, shape }) => {
    const random = keyed(seed, "dropout");
    const expected = new Float32Array(elementCount(shape));
    random.child(stream).fillUniform(expected);
    const keys = Float32Array.from(random.key.flatMap((word) => [word >>> 16, word & 0xffff]));
    return { forward: forwardOf(shape, stream), shape, stream, keys, expected };
  });

function forwardOf(shape: Shape, stream: number): Graph {
  const builder = new GraphBuilder(1);
  const p = builder.emit("parameter", [], { name: "p", shape, initialisation: { kind: "constant", value: 1 } });
  const keys = builder.emit("input", [], { name: keysInput, shape: [4], batched: true });
  const weighted = math.multiply(math.uniform(keys, shape, stream), p);
  const loss = math.sum(
    weighted,
    shape.map((_, i) => i + 1),
  );
  return builder.graph({ loss });
}
