// The moving average of the parameters beside any optimizer: against a plain loop, from saved state, and where parameters are frozen.
import { describe, expect, it } from "vitest";
import { adam, createOptimizer, lion, sgd, vectorParts, optimizerSpecSchema, type OptimizerSpec } from "../src/optimizer/index.ts";

const elements = 37;
const wave = (phase: number) => Float32Array.from({ length: elements }, (_, i) => Math.sin(phase + 1.7 * i) * 2);

describe.each<OptimizerSpec>([sgd({ learningRate: 0.3, momentum: 0.5 }), adam({ learningRate: 0.1 }), lion()])(
  "beside $kind",
  (spec) => {
    it("is what a loop finds, and changes no bit of the parameters", () => {
      const [plain, averaging] = [createOptimizer(spec, elements), createOptimizer(spec, elements, { average: { decay: 0.5 } })];
      const expected = [...wave(1)];
      for (const optimizer of [plain, averaging]) optimizer.begin(wave(1));
      expect(averaging.result).toEqual(wave(1));
      for (let step = 1; step <= 12; step++) {
        for (const optimizer of [plain, averaging]) {
          optimizer.gradients.set(wave(step + 1));
          optimizer.step({ step, samples: 3, offset: 0, count: 20 });
          optimizer.step({ step, samples: 3, offset: 20 });
        }
        expect(averaging.parameters).toEqual(plain.parameters);
        expect(plain.result).toBe(plain.parameters);
        const decay = Math.min(0.5, (1 + step) / (10 + step));
        averaging.parameters.forEach((value, i) => (expected[i] = decay * expected[i] + (1 - decay) * value));
        averaging.result.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(2e-6));
      }
    });

    it("goes on from saved state as if nothing had happened", () => {
      const average = { decay: 0.9 };
      const quiet = createOptimizer(spec, elements, { average });
      quiet.begin(wave(1));
      let resumed = createOptimizer(spec, elements, { average });
      resumed.begin(wave(1));
      for (let step = 1; step <= 4; step++) {
        for (const optimizer of [quiet, resumed]) {
          optimizer.gradients.set(wave(step + 1));
          optimizer.step({ step, samples: 3 });
        }
        const next = createOptimizer(spec, elements, { average });
        next.begin(resumed.result);
        next.restoreState(resumed.stateVectors());
        resumed = next;
        expect([resumed.parameters, resumed.result]).toEqual([quiet.parameters, quiet.result]);
      }
      expect(Object.keys(quiet.stateVectors())).toContain("training.parameters");
      expect(() => createOptimizer(spec, elements).restoreState(quiet.stateVectors())).toThrow("training.parameters");
    });
  },
);

it("of a frozen parameter is the parameter", () => {
  const spec = sgd({ learningRate: 1 });
  const slots = [
    { name: "a", offset: 0, elements: 10 },
    { name: "b", offset: 10, elements: elements - 10 },
  ];
  const parts = vectorParts(optimizerSpecSchema.parse(spec), [{ parameters: "a", frozen: true }], slots);
  const optimizer = createOptimizer(spec, elements, { parts, average: { decay: 0.5 } });
  optimizer.begin(wave(1));
  optimizer.gradients.set(wave(2));
  optimizer.step({ step: 1, samples: 1 });
  expect(optimizer.result.slice(0, 10)).toEqual(wave(1).slice(0, 10));
  expect(optimizer.result.slice(10)).not.toEqual(wave(1).slice(10));
});
