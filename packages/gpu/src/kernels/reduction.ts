// Sum and maximum over any axes of a tensor of any rank. What precedes is fused into the reading, what follows into the writing. A few
// long lines are cut into parts first, so that there is work for the whole device.
import type { Shape } from "@tabgrad/core";
import { plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Dispatch } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering } from "./lowering.ts";
import { combineLanes, linesOf, placeThread, teamOf, type Lines } from "./lines.ts";

/** A way to combine elements; associative, so that the order is ours to choose. */
interface Reducer {
  readonly start: number;
  combine(shader: Shader, a: string, b: string): string;
}

const summing: Reducer = { start: 0, combine: (_, a, b) => `${a} + ${b}` };
const maximising: Reducer = { start: -Infinity, combine: (shader, a, b) => `${shader.call("maximum", 1)}(${a}, ${b})` };

/** Elements of a line beyond which a few lines are cut into parts, and of such a part. */
const longLine = 8192;
const partLength = 2048;
const maxParts = 256;

type Read = (shader: Shader, block: Block, index: string) => string;
type Write = (shader: Shader, block: Block, line: string, value: string) => void;

function reduction<K extends "sum" | "max">(reducer: Reducer): AnchorLowering<K> {
  return {
    kind: "anchor",
    operands: "expression",
    lower(node, context) {
      const shape = context.shapeOf(0);
      const { axes } = node.attributes;
      const lines = linesOf(shape, axes);
      const read: Read = (shader, block, index) => context.operand(shader, block, 0, new Position(block, shape, 1, { index })).code;
      const parts = partsOf(lines);
      if (parts === 1) return [reduce(reducer, lines, 1, read, finishing(context), context)];
      const scratch = context.scratch(parts * lines.count);
      const store: Write = (shader, block, line, value) => {
        block.add(shader.writes(scratch, false).store(line, value, 1));
      };
      return [reduce(reducer, lines, parts, read, store, context), reduceLeading(reducer, scratch, parts, lines.count, context)];
    },
  };
}

export const sum = reduction<"sum">(summing);
export const max = reduction<"max">(maximising);

/** Sums a tensor [parts, count] over its first axis, and finishes the anchor's result with it. */
export const sumParts = (scratch: Parameters<Shader["input"]>[0], parts: number, count: number, context: AnchorContext): Dispatch =>
  reduceLeading(summing, scratch, parts, count, context);

function reduceLeading(
  reducer: Reducer,
  scratch: Parameters<Shader["input"]>[0],
  parts: number,
  count: number,
  context: AnchorContext,
): Dispatch {
  const read: Read = (shader, block, index) => block.define("x", shader.input(scratch).load(index, 1));
  const shape: Shape = [parts, count];
  return reduce(reducer, linesOf(shape, [0]), 1, read, finishing(context), context);
}

const finishing =
  (context: AnchorContext): Write =>
  (shader, block, line, value) =>
    context.finish(shader, block, new Position(block, context.outputShape, 1, { index: line }), value);

function partsOf({ count, length }: Lines): number {
  if (length < longLine || count * partLength > longLine * 32) return 1;
  return Math.min(maxParts, Math.ceil(length / partLength));
}

/** One kernel. With several parts its outputs are [parts, lines]. */
function reduce(reducer: Reducer, lines: Lines, parts: number, read: Read, write: Write, context: AnchorContext): Dispatch {
  const length = Math.ceil(lines.length / parts);
  const team = teamOf({ ...lines, count: lines.count * parts, length });
  const outputs = lines.count * parts;
  const shader = new Shader(context.label);
  const main = new Block();
  const { line: output, lane } = placeThread(main, team);
  shader.declare(`var<workgroup> partial: array<f32, ${team.workgroup}>;`);
  main.add(`var total = ${shader.number(reducer.start)};`);

  const body = new Block(main);
  const line = parts === 1 ? output : body.define("line", `${output} % ${lines.count}u`);
  const part = parts === 1 ? u32(0) : body.define("part", `${output} / ${lines.count}u`);
  const start = body.define("start", times(part, length));
  const end = parts === 1 ? u32(length) : body.define("end", `min(${start} + ${length}u, ${lines.length}u)`);
  const loop = new Block(body);
  const value = read(shader, loop, lines.index(loop, line, "along"));
  loop.add(`total = ${reducer.combine(shader, "total", value)};`);
  body.add(`for (var along = ${plus(start, lane)}; along < ${end}; along += ${team.lanes}u) {`, ...loop.lines, "}");
  main.add(`if (${output} < ${outputs}u) {`, ...body.lines, "}");

  main.add("partial[local] = total;");
  combineLanes(main, team, lane, (other) => `partial[local] = ${reducer.combine(shader, "partial[local]", `partial[${other}]`)};`);
  const end_ = new Block(main);
  end_.add("let result = partial[local];");
  write(shader, end_, output, "result");
  main.add(`if (${lane} == 0u && ${output} < ${outputs}u) {`, ...end_.lines, "}");
  return shader.finish(main, { workgroup: team.workgroup, groups: Math.ceil(outputs / team.lines) }, context.maxGroups);
}
