// Elementwise operations of one tensor: y has the shape of x.
import type { OperationAttributes } from "../attributes.ts";
import * as math from "../math.ts";
import { defineOperation, type GradientContext, type OperationDefinition } from "../operation.ts";
import type { Value } from "../value.ts";
import { errorFunction } from "./error-function.ts";

type Elementwise =
  | "negate"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "step"
  | "relu"
  | "leakyRelu"
  | "sigmoid"
  | "tanh"
  | "softplus"
  | "erf"
  | "sin"
  | "cos";

/** Without a derivative the operation is constant almost everywhere, and no gradient passes it. */
function elementwise<K extends Elementwise>(
  name: K,
  formula: string,
  value: (x: number, attributes: OperationAttributes[K]) => number,
  derivative?: (context: GradientContext<K>) => Value,
): OperationDefinition<K> {
  return defineOperation<K>({
    name,
    formula,
    arity: 1,
    shape: ([x]) => x,
    gradient: (context) => [derivative?.(context)],
    evaluate: ([x], attributes) => x.data.map((element) => value(element, attributes)),
  });
}

const oneMinus = (x: Value): Value => math.subtract(math.constant(x, 1), x);

export const negate = elementwise(
  "negate",
  "y = −x",
  (x) => -x,
  ({ upstream }) => math.negate(upstream),
);

export const exp = elementwise("exp", "y = eˣ", Math.exp, ({ upstream, output }) => math.multiply(upstream, output));

export const log = elementwise("log", "y = ln x", Math.log, ({ upstream, inputs: [x] }) => math.divide(upstream, x));

export const sqrt = elementwise("sqrt", "y = √x", Math.sqrt, ({ upstream, output }) =>
  math.divide(math.multiply(upstream, 0.5), output),
);

export const abs = elementwise("abs", "y = |x|", Math.abs, ({ upstream, inputs: [x] }) => math.multiply(upstream, math.sign(x)));

export const sign = elementwise("sign", "y = 1 if x > 0, −1 if x < 0, else 0", Math.sign);

export const step = elementwise("step", "y = 1 if x > 0, else 0: the perceptron's output (Rosenblatt 1958)", (x) =>
  x > 0 ? 1 : 0,
);

export const relu = elementwise(
  "relu",
  "y = max(x, 0); the derivative at 0 is 0 (Nair & Hinton 2010)",
  (x) => (x < 0 ? 0 : x),
  // The output is positive exactly where x is, and something keeps it anyway: x need not live on until the backward pass.
  ({ upstream, output }) => math.multiply(upstream, math.step(output)),
);

export const leakyRelu = elementwise(
  "leakyRelu",
  "y = x if x > 0, else slope · x (Maas, Hannun & Ng 2013)",
  (x, { slope }) => (x > 0 ? x : slope * x),
  ({ upstream, inputs: [x], attributes: { slope } }) => math.select(math.step(x), upstream, math.multiply(upstream, slope)),
);

export const sigmoid = elementwise(
  "sigmoid",
  "y = 1 / (1 + e⁻ˣ)",
  // Both branches keep the exponent from growing, so that nothing overflows.
  (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  ({ upstream, output }) => math.multiply(upstream, math.multiply(output, oneMinus(output))),
);

export const tanh = elementwise("tanh", "y = tanh x", Math.tanh, ({ upstream, output }) =>
  math.multiply(upstream, oneMinus(math.square(output))),
);

export const softplus = elementwise(
  "softplus",
  "y = ln(1 + eˣ), computed as max(x, 0) + ln(1 + e^−|x|)",
  (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  ({ upstream, inputs: [x] }) => math.multiply(upstream, math.sigmoid(x)),
);

export const erf = elementwise("erf", "y = 2/√π · ∫₀ˣ e^(−t²) dt", errorFunction, ({ upstream, inputs: [x] }) =>
  math.multiply(upstream, math.multiply(math.exp(math.negate(math.square(x))), 2 / Math.sqrt(Math.PI))),
);

export const sin = elementwise("sin", "y = sin x", Math.sin, ({ upstream, inputs: [x] }) => math.multiply(upstream, math.cos(x)));

export const cos = elementwise("cos", "y = cos x", Math.cos, ({ upstream, inputs: [x] }) =>
  math.negate(math.multiply(upstream, math.sin(x))),
);
