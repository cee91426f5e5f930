// Elementwise operations as WGSL expressions. They have no kernel of their own: fusion writes them into a loop, a matmul's end or a
// reduction's beginning. Formulas stand in core's operations/.
import type { NodeFor, OperationName } from "@tabgrad/core";
import type { Lanes } from "../wgsl/position.ts";
import type { Shader } from "../wgsl/shader.ts";
import type { Expression, InlineLowering, Reader } from "./lowering.ts";

/** What an expression is written with: all operands have as many lanes as the result. */
interface Words<K extends OperationName> {
  readonly node: NodeFor<K>;
  /** A number in every lane. */
  number(value: number): string;
  call(name: Parameters<Shader["call"]>[0], ...operands: string[]): string;
}

type Formula<K extends OperationName> = (operands: readonly string[], words: Words<K>) => string;

/** The same expression with this many lanes. */
export const widen = ({ code, lanes }: Expression, to: Lanes): string => (lanes === to ? code : `vec4f(${code})`);

function elementwise<K extends OperationName>(cost: number, exact: boolean, formula: Formula<K>): InlineLowering<K> {
  return {
    kind: "inline",
    cost,
    exact,
    inPlace: true,
    emit(node, position, reader) {
      const operands: Expression[] = [];
      for (let i = 0; i < node.inputs.length; i++) {
        const there = position.broadcastFrom(reader.shapeOf(i));
        if (!there) return undefined;
        operands.push(reader.input(i, there));
      }
      const lanes = operands.some((operand) => operand.lanes === 4) ? 4 : 1;
      const code = formula(
        operands.map((operand) => widen(operand, lanes)),
        wordsOf(node, lanes, reader),
      );
      return { code, lanes };
    },
  };
}

function wordsOf<K extends OperationName>(node: NodeFor<K>, lanes: Lanes, { shader }: Reader): Words<K> {
  return {
    node,
    number: (value) => (lanes === 1 ? shader.number(value) : `vec4f(${shader.number(value)})`),
    call: (name, ...operands) => `${shader.call(name, lanes)}(${operands.join(", ")})`,
  };
}

const rounding = <K extends OperationName>(cost: number, formula: Formula<K>): InlineLowering<K> =>
  elementwise(cost, false, formula);
const exact = <K extends OperationName>(formula: Formula<K>): InlineLowering<K> => elementwise(1, true, formula);

export const negate = exact<"negate">(([x]) => `-(${x})`);
export const abs = exact<"abs">(([x]) => `abs(${x})`);
export const sign = exact<"sign">(([x], { call }) => call("sign", x));
export const step = exact<"step">(([x], { number }) => `select(${number(0)}, ${number(1)}, ${x} > ${number(0)})`);
/** Neither max(x, 0) nor a comparison that a compiler may take for it, both of which lose a NaN. */
export const relu = exact<"relu">(([x], { call, number }) => call("maximum", x, number(0)));
export const leakyRelu = rounding<"leakyRelu">(
  2,
  ([x], { number, node }) => `select(${number(node.attributes.slope)} * ${x}, ${x}, ${x} > ${number(0)})`,
);
export const exp = rounding<"exp">(10, ([x], { call }) => call("exp", x));
export const log = rounding<"log">(10, ([x], { call }) => call("log", x));
export const sqrt = rounding<"sqrt">(8, ([x], { call }) => call("sqrt", x));
export const sigmoid = rounding<"sigmoid">(20, ([x], { call }) => call("sigmoid", x));
export const tanh = rounding<"tanh">(25, ([x], { call }) => call("tanh", x));
export const softplus = rounding<"softplus">(30, ([x], { call }) => call("softplus", x));
export const erf = rounding<"erf">(40, ([x], { call }) => call("erf", x));
export const gelu = rounding<"gelu">(45, ([x], { call }) => `${x} * ${call("cumulative", x)}`);
export const geluGradient = rounding<"geluGradient">(
  60,
  ([x, upstream], { call, number }) =>
    `${upstream} * (${call("cumulative", x)} + ${x} * ${call("exp", `${number(-0.5)} * ${x} * ${x}`)} * ${number(1 / Math.sqrt(2 * Math.PI))})`,
);
export const sin = rounding<"sin">(40, ([x], { call, number }) => call("turned", x, number(0)));
export const cos = rounding<"cos">(40, ([x], { call, number }) => call("turned", x, number(1)));

export const add = rounding<"add">(1, ([a, b]) => `${a} + ${b}`);
export const subtract = rounding<"subtract">(1, ([a, b]) => `${a} - ${b}`);
export const multiply = rounding<"multiply">(1, ([a, b]) => `${a} * ${b}`);
export const divide = rounding<"divide">(8, ([a, b]) => `${a} / ${b}`);
export const power = rounding<"power">(30, ([a, b], { call }) => call("power", a, b));
export const maximum = exact<"maximum">(([a, b], { call }) => call("maximum", a, b));
export const minimum = exact<"minimum">(([a, b], { call }) => call("minimum", a, b));
export const equal = exact<"equal">(([a, b], { number }) => `select(${number(0)}, ${number(1)}, ${a} == ${b})`);
export const greater = exact<"greater">(([a, b], { number }) => `select(${number(0)}, ${number(1)}, ${a} > ${b})`);
export const select = exact<"select">(([condition, a, b], { number }) => `select(${b}, ${a}, ${condition} != ${number(0)})`);
