// normalise and its gradient: a team of threads walks each line, for the mean, for the mean square of what is left, and for the result.
import { Block, Position } from "../wgsl/position.ts";
import { Shader } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering } from "./lowering.ts";
import { linesOf, walkLines, type LineWalk } from "./lines.ts";

interface Kernel extends LineWalk {
  readonly shader: Shader;
  readonly main: Block;
  /** An element of an operand, as a name in the block. */
  element(operand: number, block: Block, index: string): string;
}

/** A kernel whose teams know the `mean` that is taken off their line, as they come to what `write` adds. */
function normalising<K extends "normalise" | "normaliseGradient">(
  write: (kernel: Kernel, context: AnchorContext, about: { readonly centred: boolean; readonly epsilon: string }) => void,
): AnchorLowering<K> {
  return {
    kind: "anchor",
    operands: "memory",
    lower(node, context) {
      const { centred, epsilon } = node.attributes;
      const shape = context.shapeOf(0);
      const lines = linesOf(shape, [shape.length - 1]);
      const shader = new Shader(context.label);
      const main = new Block();
      const walking = walkLines(shader, main, lines);
      const inputs = node.inputs.map((_, i) => shader.input(context.tensor(i)));
      const kernel: Kernel = {
        ...walking,
        shader,
        main,
        element: (operand, block, index) => block.define("x", inputs[operand].load(index, 1)),
      };
      main.add(`const length = ${shader.number(lines.length)};`);
      if (centred) addMean(kernel);
      else main.add("let mean = 0.0;");
      write(kernel, context, { centred, epsilon: shader.number(epsilon) });
      const { team } = walking;
      return [shader.finish(main, { workgroup: team.workgroup, groups: Math.ceil(lines.count / team.lines) }, context.maxGroups)];
    },
  };
}

/** Adds up a line: `NAME` is the sum of what `term` says of each element. */
function sum({ main, walk, share }: Kernel, name: string, term: (block: Block, index: string) => string): void {
  main.add(`var ${name}Part = 0.0;`);
  walk((block, index) => block.add(`${name}Part += ${term(block, index)};`));
  share(name, (a, b) => `${a} + ${b}`);
}

/**
 * Names the `mean`. WGSL lets a quotient be off by 2.5 units in the last place; what it leaves over puts it right, so that equal elements
 * do not deviate from their mean.
 */
function addMean(kernel: Kernel): void {
  sum(kernel, "total", (block, index) => kernel.element(0, block, index));
  kernel.round("nearly", "total / length");
  kernel.main.add("let mean = nearly + fma(-nearly, length, total) / length;");
}

/** Names `deviation`, x − mean, in a block. */
const deviate = ({ element }: Kernel, block: Block, index: string): void =>
  block.add(`let deviation = ${element(0, block, index)} - mean;`);

/** Names 1 / √(variance + ε) `inverse`. The variance is that of what is left without the mean, so that no digits cancel out. */
function addInverse(kernel: Kernel, epsilon: string): void {
  sum(kernel, "square", (block, index) => {
    deviate(kernel, block, index);
    return "deviation * deviation";
  });
  kernel.main.add(`let inverse = 1.0 / ${kernel.shader.call("sqrt", 1)}(square / length + ${epsilon});`);
}

/** The last walk: `result` is an expression of `deviation`, and of what `also` names. */
function finish(
  kernel: Kernel,
  context: AnchorContext,
  result: string,
  also: (block: Block, index: string) => void = () => {},
): void {
  kernel.walk((block, index) => {
    deviate(kernel, block, index);
    also(block, index);
    block.add(`let result = ${result};`);
    context.finish(kernel.shader, block, new Position(block, context.outputShape, 1, { index }), "result");
  });
}

export const normalise = normalising<"normalise">((kernel, context, { epsilon }) => {
  addInverse(kernel, epsilon);
  finish(kernel, context, "deviation * inverse");
});

export const normaliseGradient = normalising<"normaliseGradient">((kernel, context, { centred, epsilon }) => {
  const upstream = (block: Block, index: string): void => block.add(`let upstream = ${kernel.element(1, block, index)};`);
  addInverse(kernel, epsilon);
  sum(kernel, "along", (block, index) => {
    deviate(kernel, block, index);
    upstream(block, index);
    return "deviation * upstream";
  });
  if (centred) sum(kernel, "above", (block, index) => kernel.element(1, block, index));
  kernel.main.add(`let shift = ${centred ? "above / length" : "0.0"};`, "let slope = along / length * inverse * inverse;");
  finish(kernel, context, "inverse * (upstream - shift - deviation * slope)", upstream);
});
