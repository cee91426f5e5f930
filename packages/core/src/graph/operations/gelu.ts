// The Gaussian error linear unit and its gradient. Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415
import * as math from "../math.ts";
import { defineOperation } from "../operation.ts";
import { formatShape, sameShape, ShapeError } from "../shape.ts";
import type { Value } from "../value.ts";
import { errorFunction } from "./error-function.ts";

/** Φ, the share of a standard normal distribution below x. */
const cumulative = (x: number): number => (1 + errorFunction(x * Math.SQRT1_2)) / 2;

/** φ, its density: Φ' = φ, and φ' = −x φ. */
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

export const gelu = defineOperation<"gelu">({
  name: "gelu",
  formula: "y = x · Φ(x) = x · ½ (1 + erf(x / √2)) (Hendrycks & Gimpel 2016)",
  arity: 1,
  shape: ([x]) => x,
  gradient: ({ inputs: [x], upstream }) => [math.geluGradient(x, upstream)],
  evaluate: ([x]) => x.data.map((element) => element * cumulative(element)),
});

export const geluGradient = defineOperation<"geluGradient">({
  name: "geluGradient",
  formula: "y = b · (Φ(a) + a · φ(a)) with φ(a) = e^(−a²/2) / √2π: d Σ b · gelu(a) / da",
  arity: 2,
  shape([x, upstream]) {
    if (sameShape(x, upstream)) return x;
    throw new ShapeError(`the gradient of gelu has the shape of its input, ${formatShape(x)}, not ${formatShape(upstream)}`);
  },
  gradient: ({ inputs: [x, b], upstream, needs }) => [
    needs[0] ? math.multiply(upstream, math.multiply(b, slopeOfGradient(x))) : undefined,
    needs[1] ? math.geluGradient(x, upstream) : undefined,
  ],
  evaluate: ([x, upstream]) => x.data.map((element, i) => upstream.data[i] * (cumulative(element) + element * density(element))),
});

/** φ(x) · (2 − x²), gelu's second derivative. */
function slopeOfGradient(x: Value): Value {
  const square = math.square(x);
  const normal = math.multiply(math.exp(math.multiply(square, -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return math.multiply(normal, math.subtract(math.constant(x, 2), square));
}
