// Normalisation along the last dimension, and its gradient: what layer, group and root mean square normalisation share.
import type { NormaliseAttributes } from "../attributes.ts";
import * as math from "../math.ts";
import { defineOperation } from "../operation.ts";
import { formatShape, sameShape, ShapeError, type Shape } from "../shape.ts";
import type { Value } from "../value.ts";

export const normalise = defineOperation<"normalise">({
  name: "normalise",
  formula: "y = (x − μ) / √(mean (x − μ)² + epsilon) along the last axis, μ being the mean if `centred`, else 0 (Ba et al. 2016)",
  arity: 1,
  shape: ([x]) => lineShape(x),
  gradient: ({ inputs: [x], attributes, upstream }) => [math.normaliseGradient(x, upstream, attributes)],
  evaluate: ([x], attributes) => {
    const result = new Float64Array(x.data.length);
    eachLine(x.shape, (start, end) => {
      const { deviations, inverse } = statisticsOf(x.data.subarray(start, end), attributes);
      result.set(
        deviations.map((deviation) => deviation * inverse),
        start,
      );
    });
    return result;
  },
});

/**
 * With r = 1 / √(σ² + ε) and y = normalise(a) it is r · (b − mean b − y · mean(b · y)), without mean b if it is not centred. It is linear in b,
 * by a symmetric matrix.
 */
export const normaliseGradient = defineOperation<"normaliseGradient">({
  name: "normaliseGradient",
  formula: "y = d Σ b · normalise(a) / da",
  arity: 2,
  shape([x, upstream]) {
    if (!sameShape(x, upstream))
      throw new ShapeError(`the gradient of normalise has the shape of its input, ${formatShape(x)}, not ${formatShape(upstream)}`);
    return lineShape(x);
  },
  gradient({ inputs: [x, b], attributes, upstream, needs }) {
    return [
      needs[0] ? secondGradient(x, b, upstream, attributes) : undefined,
      needs[1] ? math.normaliseGradient(x, upstream, attributes) : undefined,
    ];
  },
  evaluate([x, upstream], attributes) {
    const result = new Float64Array(x.data.length);
    eachLine(x.shape, (start, end) => {
      const { deviations, inverse } = statisticsOf(x.data.subarray(start, end), attributes);
      const above = upstream.data.subarray(start, end);
      const shift = attributes.centred ? meanOf(above) : 0;
      const slope = meanOf(above.map((value, i) => value * deviations[i])) * inverse ** 2;
      above.forEach((value, i) => (result[start + i] = inverse * (value - shift - deviations[i] * slope)));
    });
    return result;
  },
});

/**
 * d Σ c · normaliseGradient(a, b) / da. With g(b) for normaliseGradient(a, b), that sum over a line of n elements is
 * r n (mean bc − mean b · mean c − mean by · mean cy), and dr/da = −r² y / n, d mean(by)/da = g(b) / n.
 */
function secondGradient(a: Value, b: Value, c: Value, attributes: NormaliseAttributes): Value {
  const mean = (value: Value): Value => math.mean(value, [value.shape.length - 1], true);
  const y = math.normalise(a, attributes);
  const deviations = attributes.centred ? math.subtract(a, mean(a)) : a;
  const r = math.divide(math.constant(a, 1), math.sqrt(math.add(mean(math.square(deviations)), attributes.epsilon)));
  const [alongB, alongC] = [b, c].map((value) => mean(math.multiply(value, y)));
  const product = math.subtract(mean(math.multiply(b, c)), math.multiply(alongB, alongC));
  const rest = attributes.centred ? math.subtract(product, math.multiply(mean(b), mean(c))) : product;
  const [towardsB, towardsC] = [b, c].map((value) => math.normaliseGradient(a, value, attributes));
  const turned = math.add(math.multiply(alongC, towardsB), math.multiply(alongB, towardsC));
  return math.negate(math.multiply(r, math.add(math.multiply(math.multiply(r, y), rest), turned)));
}

function lineShape(x: Shape): Shape {
  if (x.length === 0) throw new ShapeError("normalise needs a last axis to work along, not one number");
  return x;
}

function eachLine(shape: Shape, visit: (start: number, end: number) => void): void {
  const length = shape[shape.length - 1];
  const total = shape.reduce((product, dimension) => product * dimension, 1);
  for (let start = 0; start < total; start += length) visit(start, start + length);
}

/** Of one line: how far each element is from the mean, and 1 / √(variance + ε). Twice through it, so that no digits cancel out. */
function statisticsOf(line: Float64Array, { centred, epsilon }: NormaliseAttributes) {
  const mean = centred ? meanOf(line) : 0;
  const deviations = line.map((element) => element - mean);
  return { deviations, inverse: 1 / Math.sqrt(meanOf(deviations.map((deviation) => deviation ** 2)) + epsilon) };
}

const meanOf = (values: Float64Array): number => values.reduce((total, value) => total + value, 0) / values.length;
