// Update rules, three times: against their own graph in float64, against plain loops after PyTorch's documentation, and against
// closed forms and published numbers.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate, withRows } from "../src/graph/index.ts";
import {
  adagrad,
  adam,
  adamW,
  createOptimizer,
  lion,
  optimizerSpecSchema,
  rmsProp,
  sgd,
  updateGraph,
  updateRule,
} from "../src/optimizer/index.ts";
import type { OptimizerSettings, OptimizerSpec } from "../src/optimizer/index.ts";

const settingsOf = (spec: OptimizerSpec): OptimizerSettings => optimizerSpecSchema.parse(spec);

/** Trains with the given mean gradients; returns the parameters after each step. */
function train(
  spec: OptimizerSpec,
  start: readonly number[],
  gradients: (parameters: Float32Array, step: number) => readonly number[],
  steps: number,
) {
  const optimizer = createOptimizer(spec, start.length);
  optimizer.parameters.set(start);
  return Array.from({ length: steps }, (_, i) => {
    optimizer.clearGradients();
    optimizer.accumulate(0, Float32Array.from(gradients(optimizer.parameters, i + 1)));
    optimizer.step({ step: i + 1, samples: 1 });
    return [...optimizer.parameters];
  });
}

/** As PyTorch documents them (`torch.optim.SGD` and so on), and as the authors of Lion do, for one parameter, in float64. */
function pytorch(settings: OptimizerSettings): (parameter: number, gradient: number) => number {
  const { learningRate: lr, weightDecay } = settings;
  let t = 0;
  if (settings.kind === "sgd") {
    const { momentum, dampening, nesterov } = settings;
    let b = 0;
    return (parameter, gradient) => {
      t++;
      let g = gradient + weightDecay * parameter;
      if (momentum !== 0) {
        b = t > 1 ? momentum * b + (1 - dampening) * g : g;
        g = nesterov ? g + momentum * b : b;
      }
      return parameter - lr * g;
    };
  }
  let [m, v] = [0, 0];
  if (settings.kind === "rmsProp") {
    const { alpha, epsilon, momentum, centered } = settings;
    let b = 0;
    return (parameter, gradient) => {
      const g = gradient + weightDecay * parameter;
      v = alpha * v + (1 - alpha) * g ** 2;
      m = alpha * m + (1 - alpha) * g;
      const d = g / (Math.sqrt(centered ? Math.max(v - m ** 2, 0) : v) + epsilon);
      b = momentum * b + d;
      return parameter - lr * b;
    };
  }
  if (settings.kind === "adagrad") {
    return (parameter, gradient) => {
      const g = gradient + weightDecay * parameter;
      v += g ** 2;
      return parameter - (lr * g) / (Math.sqrt(v) + settings.epsilon);
    };
  }
  if (settings.kind === "lion") {
    const { beta1, beta2 } = settings;
    return (parameter, gradient) => {
      const direction = Math.sign(beta1 * m + (1 - beta1) * gradient);
      m = beta2 * m + (1 - beta2) * gradient;
      return parameter - lr * weightDecay * parameter - lr * direction;
    };
  }
  const { beta1, beta2, epsilon, kind } = settings;
  return (parameter, gradient) => {
    t++;
    const g = kind === "adam" ? gradient + weightDecay * parameter : gradient;
    const decayed = kind === "adamW" ? parameter - lr * weightDecay * parameter : parameter;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g ** 2;
    const corrected = { m: m / (1 - beta1 ** t), v: v / (1 - beta2 ** t) };
    return decayed - (lr * corrected.m) / (Math.sqrt(corrected.v) + epsilon);
  };
}

const specs: [string, OptimizerSpec][] = [
  ["sgd", sgd({ learningRate: 0.1 })],
  ["sgd with weight decay", sgd({ learningRate: 0.1, weightDecay: 0.05 })],
  ["sgd with momentum", sgd({ learningRate: 0.1, momentum: 0.9 })],
  ["sgd with momentum, dampening and weight decay", sgd({ learningRate: 0.1, momentum: 0.8, dampening: 0.3, weightDecay: 0.01 })],
  ["sgd with Nesterov's momentum", sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 })],
  ["adam", adam()],
  [
    "adam with weight decay and other settings",
    adam({ learningRate: 0.05, beta1: 0.5, beta2: 0.9, epsilon: 1e-3, weightDecay: 0.1 }),
  ],
  ["adam without averages", adam({ beta1: 0, beta2: 0 })],
  ["adamW", adamW()],
  ["adamW without weight decay", adamW({ weightDecay: 0, learningRate: 0.02 })],
  ["rmsProp", rmsProp()],
  [
    "rmsProp with momentum and weight decay",
    rmsProp({ learningRate: 0.02, alpha: 0.8, momentum: 0.7, weightDecay: 0.1, epsilon: 0.01 }),
  ],
  ["centred rmsProp", rmsProp({ learningRate: 0.02, alpha: 0.9, centered: true, epsilon: 0.05 })],
  ["lion", lion()],
  ["lion with weight decay and other settings", lion({ learningRate: 0.02, beta1: 0.75, beta2: 0.5, weightDecay: 0.3 })],
  ["adagrad", adagrad()],
  ["adagrad with weight decay", adagrad({ learningRate: 0.1, epsilon: 1e-3, weightDecay: 0.1 })],
  ["adamW with other settings", adamW({ learningRate: 0.05, beta1: 0.8, beta2: 0.99, epsilon: 1e-5, weightDecay: 0.2 })],
];

const number = fc.float({ min: -3, max: 3, noNaN: true });
const steps = 8;
/** Parameters, and for each of them a gradient in every step. */
const trajectoryOf = (gradient: fc.Arbitrary<number>) =>
  fc
    .integer({ min: 1, max: 19 })
    .chain((elements) =>
      fc.tuple(
        fc.array(number, { minLength: elements, maxLength: elements }),
        fc.array(fc.array(gradient, { minLength: elements, maxLength: elements }), { minLength: steps, maxLength: steps }),
      ),
    );
const anything = { trajectory: trajectoryOf(number), samples: fc.integer({ min: 1, max: 300 }) };
/** A sign jumps where rounding decides: numbers that do not cancel but for rounding's sake. */
const exactly = {
  trajectory: trajectoryOf(fc.constantFrom(-3, -2, -1, 1, 2, 3)),
  samples: fc.constantFrom(1, 2, 16, 256),
};

describe.each(specs)("%s", (_, spec) => {
  const { trajectory, samples: anyCount } = spec.kind === "lion" ? exactly : anything;

  it("does what its graph does in float64", () => {
    fc.assert(
      fc.property(trajectory, anyCount, ([start, gradients], samples) => {
        const settings = settingsOf(spec);
        const rule = updateRule(settings);
        const graph = withRows(updateGraph(rule), start.length);
        const optimizer = createOptimizer(spec, start.length);
        optimizer.parameters.set(start);
        let vectors: Record<string, ArrayLike<number>> = { parameters: start };
        for (const name of rule.state) vectors[name] = start.map(() => 0);
        gradients.forEach((gradient, i) => {
          optimizer.gradients.set(gradient);
          const results = optimizer.step({ step: i + 1, samples });
          const scalars = { step: [i + 1], samples: [samples], learningRate: [settings.learningRate] };
          const expected = evaluate(graph, { ...vectors, gradients: gradient, ...scalars });
          vectors = Object.fromEntries(Object.keys(vectors).map((name) => [name, expected[name].data]));
          for (const [name, found] of [
            ["parameters", optimizer.parameters],
            ...Object.entries(optimizer.stateVectors()),
          ] as const) {
            found.forEach((value, element) => expect(Math.abs(value - vectors[name][element])).toBeLessThan(2e-5));
          }
          for (const name of ["squaredGradientNorm", "squaredParameterNorm"] as const) {
            const [exact] = expected[name].data;
            expect(Math.abs(results[name] - exact)).toBeLessThan(1e-4 * exact + 1e-9);
          }
        });
      }),
      { numRuns: 50 },
    );
  });

  it("does what PyTorch documents", () => {
    fc.assert(
      fc.property(trajectory, ([start, gradients]) => {
        const reference = start.map(() => pytorch(settingsOf(spec)));
        let expected: number[] = [...start];
        train(spec, start, (_, step) => gradients[step - 1], steps).forEach((found, i) => {
          expected = expected.map((parameter, element) => reference[element](parameter, gradients[i][element]));
          found.forEach((value, element) => expect(Math.abs(value - expected[element])).toBeLessThan(2e-5));
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe("closed forms", () => {
  const gradient = [0.5, -2, 1e-3, -40];
  const start = [1, 2, -3, 0];
  const constant = () => gradient;
  const expectAll = (found: readonly number[], expected: (element: number) => number) =>
    found.forEach((value, element) => expect(value).toBeCloseTo(expected(element), 5));

  it("sgd goes against a constant gradient at a constant pace", () => {
    train(sgd({ learningRate: 0.01 }), start, constant, 20).forEach((found, i) =>
      expectAll(found, (element) => start[element] - 0.01 * (i + 1) * gradient[element]),
    );
  });

  it("momentum sums a geometric series", () => {
    const [rate, mu] = [0.001, 0.9];
    // v after k steps is g (1 − µᵏ) / (1 − µ).
    train(sgd({ learningRate: rate, momentum: mu }), start, constant, 20).forEach((found, i) => {
      const n = i + 1;
      const distance = (n - (mu * (1 - mu ** n)) / (1 - mu)) / (1 - mu);
      expectAll(found, (element) => start[element] - rate * distance * gradient[element]);
    });
  });

  it("dampening leaves the first step whole", () => {
    const [first, second] = train(sgd({ learningRate: 0.01, momentum: 0.5, dampening: 0.75 }), start, constant, 2);
    expectAll(first, (element) => start[element] - 0.01 * gradient[element]);
    expectAll(second, (element) => start[element] - 0.01 * (1 + 0.5 + 0.25) * gradient[element]);
  });

  it("Nesterov's first step is 1 + µ times as long", () => {
    const [first] = train(sgd({ learningRate: 0.01, momentum: 0.5, nesterov: true }), start, constant, 1);
    expectAll(first, (element) => start[element] - 0.01 * 1.5 * gradient[element]);
  });

  it.each([adam({ learningRate: 0.01 }), adamW({ learningRate: 0.01, weightDecay: 0 })])(
    "$kind moves every parameter by the learning rate, however large a constant gradient",
    (spec) => {
      // m̂ is g and v̂ is g² in every step, so each step is η g / (|g| + ε).
      train(spec, start, constant, 50).forEach((found, i) =>
        expectAll(found, (element) => start[element] - 0.01 * (i + 1) * Math.sign(gradient[element])),
      );
    },
  );

  it("adam's ε is added to the corrected root", () => {
    const [[found]] = train(adam({ learningRate: 1, epsilon: 0.25 }), [0], () => [0.75], 1);
    expect(found).toBeCloseTo(-0.75, 6);
  });

  it("adam follows gradients of changing sign, as worked out by hand", () => {
    // β₁ = β₂ = 0.5, g = 1, −1: m = 1/2, −1/4; v = 1/2, 3/4. m̂₂ = −1/4 / (3/4) = −1/3, v̂₂ = 3/4 / (3/4) = 1.
    const found = train(adam({ learningRate: 0.3, beta1: 0.5, beta2: 0.5 }), [0], (_, step) => [step === 1 ? 1 : -1], 2);
    expect(found[0][0]).toBeCloseTo(-0.3, 6);
    expect(found[1][0]).toBeCloseTo(-0.2, 6);
  });

  it("lion moves every parameter by the learning rate, and one without a gradient not at all", () => {
    train(lion({ learningRate: 0.01 }), [...start, 5], () => [...gradient, 0], 20).forEach((found, i) => {
      expectAll(found.slice(0, 4), (element) => start[element] - 0.01 * (i + 1) * Math.sign(gradient[element]));
      expect(found[4]).toBe(5);
    });
  });

  it("lion's momentum outlives one gradient of the other sign", () => {
    // β₁ = 0.9: m = 0.5 after the first step, 0.9 · 0.5 − 0.1 > 0 in the second.
    const found = train(lion({ learningRate: 0.1, beta2: 0.5 }), [0], (_, step) => [step === 1 ? 1 : -1], 2);
    expect(found[1][0]).toBeCloseTo(-0.2, 6);
  });

  it("adagrad's steps shrink as one over the square root of their number", () => {
    let distance = 0;
    train(adagrad({ learningRate: 0.1 }), start, constant, 20).forEach((found, i) => {
      distance += 0.1 / Math.sqrt(i + 1);
      expectAll(found, (element) => start[element] - distance * Math.sign(gradient[element]));
    });
  });

  it("rmsProp divides by the root of 1 − αᵗ under a constant gradient", () => {
    let distance = 0;
    train(rmsProp({ learningRate: 0.01, alpha: 0.9 }), start, constant, 20).forEach((found, i) => {
      distance += 0.01 / Math.sqrt(1 - 0.9 ** (i + 1));
      expectAll(found, (element) => start[element] - distance * Math.sign(gradient[element]));
    });
  });

  it("weight decay alone: sgd and adamW shrink parameters by a factor, adam by the learning rate", () => {
    const zero = () => start.map(() => 0);
    train(sgd({ learningRate: 0.1, weightDecay: 0.5 }), start, zero, 10).forEach((found, i) =>
      expectAll(found, (element) => start[element] * 0.95 ** (i + 1)),
    );
    train(adamW({ learningRate: 0.1, weightDecay: 0.5 }), start, zero, 10).forEach((found, i) =>
      expectAll(found, (element) => start[element] * 0.95 ** (i + 1)),
    );
    const [first] = train(adam({ learningRate: 0.1, weightDecay: 0.5 }), start, zero, 1);
    expectAll(first, (element) => start[element] - 0.1 * Math.sign(start[element]));
  });
});

describe("published numbers", () => {
  // https://keras.io/api/optimizers/sgd/ and /adam/: the examples minimise x²/2, whose gradient is x.
  const parabola = (parameters: Float32Array) => [...parameters];

  it("sgd with momentum steps by 0.1, then by 0.18", () => {
    const [[first], [second]] = train(sgd({ learningRate: 0.1, momentum: 0.9 }), [1], parabola, 2);
    expect(1 - first).toBeCloseTo(0.1, 6);
    expect(first - second).toBeCloseTo(0.18, 6);
  });

  it("adam goes from 10 to 9.9", () => {
    expect(train(adam({ learningRate: 0.1 }), [10], parabola, 1)[0][0]).toBeCloseTo(9.9, 6);
  });

  /**
   * torch 1.13.1, float64, five steps from p = [1, −2, 0.5, 3] on Σ c(p − a)²/2 + sin p, with a = [1, 0.5, −2, 0.1] and
   * c = [1, 10, 0.1, 3]; for example `torch.optim.RMSprop([p], lr=0.05)`.
   */
  it.each<[OptimizerSpec, number[]]>([
    [
      sgd({ learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.01 }),
      [0.558532663, 0.478340725, -0.483128664, -0.957318495],
    ],
    [adam({ learningRate: 0.05, weightDecay: 0.01 }), [0.75048125, -1.750533915, 0.249740103, 2.750437421]],
    [adamW({ learningRate: 0.05, weightDecay: 0.1 }), [0.728263289, -1.70363666, 0.239836138, 2.678810802]],
    [rmsProp({ learningRate: 0.05 }), [0.0057711, -0.628691031, -1.026701217, 1.548604152]],
    [
      rmsProp({ learningRate: 0.02, alpha: 0.9, momentum: 0.8, centered: true, weightDecay: 0.01, epsilon: 1e-6 }),
      [0.417831135, -1.415299676, -0.107327959, 2.412097087],
    ],
    [adagrad({ learningRate: 0.1, weightDecay: 0.01 }), [0.685529837, -1.685329375, 0.172704037, 2.683784448]],
  ])("$kind arrives where PyTorch does", (spec, expected) => {
    const [a, c] = [
      [1, 0.5, -2, 0.1],
      [1, 10, 0.1, 3],
    ];
    const gradient = (parameters: Float32Array) => [...parameters].map((p, i) => c[i] * (p - a[i]) + Math.cos(p));
    const found = train(spec, [1, -2, 0.5, 3], gradient, 5)[4];
    found.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(3e-6));
  });
});
