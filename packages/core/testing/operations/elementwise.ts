// Random cases of operations of every value by itself.
import fc from "fast-check";
import { math, type Shape, type Value } from "../../src/graph/index.ts";
import { anyOf, anyShape, broadcastPair, type Domain, type Recipe, type Recipes } from "./recipe.ts";

const unary =
  (apply: (x: Value) => Value, domain: Domain = "any") =>
  (): fc.Arbitrary<Recipe> =>
    anyShape.map((shape) => ({ operands: [{ shape, domain }], build: ([x]) => apply(x) }));

const binary =
  (apply: (a: Value, b: Value) => Value, left: Domain = "any", right: Domain = left) =>
  (): fc.Arbitrary<Recipe> =>
    broadcastPair.map(([a, b]) => ({
      operands: [
        { shape: a, domain: left },
        { shape: b, domain: right },
      ],
      build: ([x, y]) => apply(x, y),
    }));

const select = (): fc.Arbitrary<Recipe> =>
  fc.tuple(broadcastPair, fc.nat({ max: 2 })).map(([[a, b], rotation]) => {
    const shapes = [a, b, a];
    const at = (i: number): Shape => shapes[(i + rotation) % 3];
    return {
      operands: [
        { shape: at(0), domain: "awayFromZero" },
        { shape: at(1), domain: "any" },
        { shape: at(2), domain: "any" },
      ],
      // A condition must be 0 somewhere, and away from where it changes.
      build: ([condition, x, y]) => math.select(math.step(condition), x, y),
    };
  });

export const elementwiseRecipes = {
  negate: unary(math.negate),
  exp: unary(math.exp),
  log: unary(math.log, "positive"),
  sqrt: unary(math.sqrt, "positive"),
  abs: unary(math.abs, "awayFromZero"),
  sign: unary(math.sign, "awayFromZero"),
  step: unary(math.step, "awayFromZero"),
  relu: unary(math.relu, "awayFromZero"),
  leakyRelu: unary((x) => math.leakyRelu(x, 0.1), "awayFromZero"),
  sigmoid: unary(math.sigmoid),
  tanh: unary(math.tanh),
  softplus: unary(math.softplus),
  erf: unary(math.erf),
  gelu: unary(math.gelu),
  geluGradient: () =>
    anyShape.map((shape) => ({ operands: [anyOf(shape), anyOf(shape)], build: ([x, u]) => math.geluGradient(x, u) })),
  sin: unary(math.sin),
  cos: unary(math.cos),
  add: binary(math.add),
  subtract: binary(math.subtract),
  multiply: binary(math.multiply),
  divide: binary(math.divide, "any", "positive"),
  power: binary(math.power, "positive", "any"),
  maximum: binary(math.maximum, "positive", "distinct"),
  minimum: binary(math.minimum, "positive", "distinct"),
  equal: binary(math.equal, "positive", "distinct"),
  greater: binary(math.greater, "positive", "distinct"),
  select,
} satisfies Recipes;
