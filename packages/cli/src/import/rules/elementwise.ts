// Operations of every value by itself.
import { math, type Value } from "@tabgrad/core";
import { broadcast, mapped } from "../fold.ts";
import { Unsupported, type NodeReader } from "../node-reader.ts";
import { parameterOf, type Computed, type Constant, type NamedWeight } from "../step.ts";
import type { Translator } from "../translation.ts";
import { isBlank } from "../tied.ts";
import { seen } from "../views.ts";
import type { Rule } from "./rule.ts";

type Unary = "negate" | "exp" | "log" | "sqrt" | "abs" | "sign" | "relu" | "sigmoid" | "tanh" | "softplus" | "erf" | "sin" | "cos";

/**
 * @param layer the layer of the same name, where there is one
 * @param fold what it makes of a constant, where exporters leave that to others
 */
const unary =
  (name: Unary, { layer, fold }: { layer?: string; fold?: (x: number) => number } = {}): Rule =>
  (node, translator) => {
    const operand = node.viewed(0);
    if (operand.kind === "constant") {
      if (fold) return mapped(operand, fold);
      throw new Unsupported("its input 0 is a constant");
    }
    return alike(
      operand,
      translator.emit([operand], {
        value: ([x]) => math[name](x),
        expression: ([x]) => `math.${name}(${x})`,
        ...(layer !== undefined && { layer: { source: layer, weights: {} } }),
      }),
    );
  };

/** What there is for constants alone. */
const constantOnly =
  (fold: (x: number) => number): Rule =>
  (node) =>
    mapped(node.constant(0), fold);

const leakyRelu: Rule = (node, translator) => {
  const slope = rounded(node.number("alpha", 0.01));
  return translator.emit([node.computed(0)], {
    value: ([x]) => math.leakyRelu(x, slope),
    expression: ([x]) => `math.leakyRelu(${x}, ${slope})`,
    layer: { source: slope === 0.01 ? "leakyRelu()" : `leakyRelu({ slope: ${slope} })`, weights: {} },
  });
};

/** A layer without parameters that is no operation of its own. */
const layerOnly =
  (source: (node: NodeReader) => string): Rule =>
  (node, translator) =>
    translator.emit([node.computed(0)], { value: ([x]) => x, layer: { source: source(node), weights: {} } });

type Binary = "add" | "subtract" | "multiply" | "divide" | "power" | "maximum" | "minimum" | "equal" | "greater";

/** @param whole what becomes of the result where both are whole numbers */
const binary =
  (name: Binary, fold: (a: number, b: number) => number, whole: (result: number) => number = (result) => result): Rule =>
  (node, translator) => {
    const ofOne = [0, 1].find((position) => {
      const operand = node.viewed(position);
      return operand.kind === "constant" && operand.data.length === 1;
    });
    // One number is as good for a view.
    const [a, b] = [0, 1].map((position) => (ofOne === undefined ? node.operand(position) : node.viewed(position)));
    if (a.kind === "constant" && b.kind === "constant") {
      return a.isInteger && b.isInteger
        ? { ...broadcast(a, b, (x, y) => whole(fold(x, y))), isInteger: true }
        : broadcast(a, b, fold);
    }
    if (a.kind === "computed" && b.kind === "computed") {
      return translator.emit([a, b], { value: ([x, y]) => math[name](x, y), expression: ([x, y]) => `math.${name}(${x}, ${y})` });
    }
    return a.kind === "computed"
      ? withConstant(name, a, b as Constant, translator)
      : withConstant(name, b as never, a, translator, true);
  };

/** One number stands in the source; several become a parameter, which can go on learning, or a mask, which does not. */
function withConstant(
  name: Binary,
  x: Parameters<Translator["emit"]>[0][number],
  constant: Constant,
  translator: Translator,
  isFirst = false,
) {
  const { data } = constant;
  if (data.length !== 1) {
    // Nothing is learnt by what a comparison is made with: it has no gradient.
    const parameters = [name === "equal" || name === "greater" ? frozen(constant) : parameterOrMask(constant)];
    const pair = <T>(value: T, parameter: T): [T, T] => (isFirst ? [parameter, value] : [value, parameter]);
    return translator.emit([x], {
      value: ([value], [parameter]) => math[name](...pair(value, parameter)),
      expression: ([value], [parameter]) => `math.${name}(${pair(value, parameter).join(", ")})`,
      parameters,
    });
  }
  const number = rounded(data[0]);
  const result = isFirst
    ? translator.emit([x], {
        value: ([value]) => math[name](math.constant(value, number), value),
        expression: ([value]) => `math.${name}(math.constant(${value}, ${number}), ${value})`,
      })
    : translator.emit([x], {
        value: ([value]) => math[name](value, number),
        expression: ([value]) => `math.${name}(${value}, ${number})`,
      });
  return alike(x, result);
}

/** Of every value by itself: under the view that its operand has. */
const alike = ({ view }: Computed, result: Computed): Computed => (view ? seen(result, view) : result);

const greater = binary("greater", (a, b) => Number(a > b));

/** What a mask puts in place of infinity, which shaders can't write down: e^x of it is 0 just the same, and it is no number's rival. */
const boundless = 1e30;
const finite = (number: number): number => Math.max(-boundless, Math.min(boundless, number));

const frozen = (constant: Constant): NamedWeight => {
  const parameter = parameterOf(constant);
  return { ...parameter, data: parameter.data.map(finite), isFrozen: true };
};

/** What a mask adds where nothing is to be seen is at most this. */
const masking = -1e4;

/** No training makes what has other numbers than floats, or nothing but zeros and what hides whatever it is added to. */
const isMask = ({ data, isInteger }: Constant): boolean =>
  isInteger === true || (data.some((value) => value <= masking) && data.every((value) => value === 0 || value <= masking));

const parameterOrMask = (constant: Constant): NamedWeight => (isMask(constant) ? frozen(constant) : parameterOf(constant));

/** Any of the three may be a constant, as the mask of attention is: one number stands in the source, several become a parameter, or a mask. */
const where: Rule = (node, translator) => {
  const operands = [0, 1, 2].map((position) => node.operand(position));
  const computed = operands.filter((operand): operand is Computed => operand.kind === "computed");
  if (computed.length === 0) throw new Unsupported("it chooses between constants");
  const several = operands.filter((operand): operand is Constant => operand.kind === "constant" && operand.data.length !== 1);
  /** The three, each from where it comes. */
  const arrange = <T>(values: readonly T[], parameters: readonly T[], number: (value: number) => T): T[] =>
    operands.map((operand) => {
      if (operand.kind === "computed") return values[computed.indexOf(operand)];
      return operand.data.length === 1 ? number(operand.data[0]) : parameters[several.indexOf(operand)];
    });
  return translator.emit(computed, {
    value: (values, parameters) => {
      const [condition, then, otherwise] = arrange(values, parameters, (number) => math.constant(values[0], finite(number)));
      return math.select(condition, then, otherwise);
    },
    expression: (values, parameters) =>
      `math.select(${arrange(values, parameters, (number) => `math.constant(${values[0]}, ${finite(number)})`).join(", ")})`,
    parameters: several.map((constant) => (constant === operands[0] ? frozen(constant) : parameterOrMask(constant))),
  });
};

const clip: Rule = (node, translator) => {
  const bound = (position: number, name: string, none: number): number =>
    node.numbers(position, name)?.[0] ?? node.number(name, none);
  const older = node.opset < 11;
  const [low, high] = older
    ? [node.number("min", -Infinity), node.number("max", Infinity)]
    : [bound(1, "min", -Infinity), bound(2, "max", Infinity)];
  const apply = (x: Value): Value => {
    const least = Number.isFinite(low) ? math.maximum(x, low) : x;
    return Number.isFinite(high) ? math.minimum(least, high) : least;
  };
  return translator.emit([node.computed(0)], {
    value: ([x]) => apply(x),
    expression([x]) {
      const least = Number.isFinite(low) ? `math.maximum(${x}, ${rounded(low)})` : x;
      return Number.isFinite(high) ? `math.minimum(${least}, ${rounded(high)})` : least;
    },
  });
};

const reciprocal: Rule = (node, translator) =>
  translator.emit([node.computed(0)], { value: ([x]) => math.power(x, -1), expression: ([x]) => `math.power(${x}, -1)` });

/** What changes nothing once a model is trained. */
const same: Rule = (node) => {
  const operand = node.viewed(0);
  // Exporters keep equal tensors once, and give them their names so.
  return operand.kind === "constant" && isBlank(operand) ? { ...operand, name: node.node.outputs[0] } : operand;
};

const cast: Rule = (node) => {
  const to = node.number("to", 1);
  const operand = node.viewed(0);
  // TensorProto.DataType: float, float16, double; and whole numbers, which constants and indices have already.
  const isFloat = [1, 10, 11].includes(to);
  if (operand.kind === "constant") {
    if (isFloat) return { ...operand, isInteger: false };
    return [6, 7].includes(to) ? { ...mapped(operand, Math.trunc), isInteger: true } : operand;
  }
  if (isFloat) return operand;
  if ([6, 7].includes(to) && operand.step === -1) return operand;
  throw new Unsupported("it rounds values to whole numbers");
};

/** A number as a float32 was written by a person: 0.1, not 0.10000000149011612. */
export function rounded(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === Math.fround(value) ? short : value;
}

export const elementwise: Readonly<Record<string, Rule>> = {
  Relu: unary("relu", { layer: "relu()" }),
  Sigmoid: unary("sigmoid", { layer: "sigmoid()" }),
  Tanh: unary("tanh", { layer: "tanh()" }),
  Softplus: unary("softplus", { layer: "softplus()" }),
  Neg: unary("negate", { fold: (x) => -x }),
  Exp: unary("exp", { fold: Math.exp }),
  Log: unary("log", { fold: Math.log }),
  Sqrt: unary("sqrt", { fold: Math.sqrt }),
  Abs: unary("abs", { fold: Math.abs }),
  Sign: unary("sign", { fold: Math.sign }),
  Erf: unary("erf"),
  Sin: unary("sin", { fold: Math.sin }),
  Cos: unary("cos", { fold: Math.cos }),
  LeakyRelu: leakyRelu,
  Elu: layerOnly((node) => (node.number("alpha", 1) === 1 ? "elu()" : `elu({ alpha: ${rounded(node.number("alpha", 1))} })`)),
  Gelu: layerOnly((node) => (node.text("approximate", "none") === "tanh" ? 'gelu({ approximate: "tanh" })' : "gelu()")),
  HardSwish: layerOnly(() => "hardSwish()"),
  Mish: layerOnly(() => "mish()"),
  Add: binary("add", (a, b) => a + b),
  Sub: binary("subtract", (a, b) => a - b),
  Mul: binary("multiply", (a, b) => a * b),
  Div: binary("divide", (a, b) => a / b, Math.trunc),
  Pow: binary("power", (a, b) => a ** b),
  Max: binary("maximum", Math.max),
  Min: binary("minimum", Math.min),
  Equal: binary("equal", (a, b) => Number(a === b)),
  Greater: greater,
  Less: (node, translator) => greater(node.swapped(), translator),
  Not: constantOnly((x) => Number(x === 0)),
  Floor: constantOnly(Math.floor),
  Ceil: constantOnly(Math.ceil),
  Where: where,
  Clip: clip,
  Reciprocal: reciprocal,
  Identity: same,
  Dropout: same,
  Cast: cast,
};
