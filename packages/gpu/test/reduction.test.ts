// Sums and maxima over many shapes: long lines, many lines, lines across memory, lines cut into parts.
import { GraphBuilder, math, type Shape } from "@tabgrad/core";
import { describe, it } from "vitest";
import { expectClose, numbers, parameter, reference, sharedEngine } from "./support.ts";

const engine = sharedEngine();

const cases: { shape: Shape; axes: readonly number[] }[] = [
  { shape: [1], axes: [0] },
  { shape: [1000], axes: [0] },
  { shape: [3, 700], axes: [1] },
  { shape: [700, 3], axes: [0] },
  { shape: [130, 70], axes: [0] },
  { shape: [2, 3, 4, 5, 6], axes: [1, 3] },
  { shape: [2, 3, 4, 5, 6], axes: [0, 2, 4] },
  { shape: [2, 1, 40, 1, 6], axes: [1, 2] },
  { shape: [20000], axes: [0] },
  { shape: [9000, 3], axes: [0] },
  { shape: [2, 9001], axes: [1] },
  { shape: [1100, 37], axes: [0] },
  { shape: [3, 1030, 16], axes: [0, 1] },
];

describe.each(["sum", "max"] as const)("%s", (name) => {
  it.each(cases)("of $shape over $axes", async ({ shape, axes }) => {
    const builder = new GraphBuilder(1);
    const x = parameter(builder, "x", shape);
    const y = builder.scope("reduction", () => math[name](math.multiply(x, 2), axes));
    const factors = parameter(builder, "factors", y.shape);
    const forward = builder.graph({ loss: math.reshape(math.sum(math.multiply(math.tanh(y), factors)), [1]) });
    const program = await engine().compile(forward);
    const parameters = numbers(program.parameterElements);
    await program.setParameters(parameters);
    const batch = { rows: 1, samples: 1, inputs: {}, weights: Float32Array.of(1) };
    const gradients = new Float32Array(parameters.length);
    await program.train([batch], gradients);
    expectClose(gradients, reference(forward, [batch], parameters).gradients, 5e-5);
    await program.close();
  });
});
