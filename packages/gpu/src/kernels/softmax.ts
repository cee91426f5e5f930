// softmax and its logarithm: a team of threads walks each line three times, for the maximum, the sum of exponentials and the result.
import { Block, Position } from "../wgsl/position.ts";
import { Shader } from "../wgsl/shader.ts";
import type { AnchorLowering } from "./lowering.ts";
import { linesOf, walkLines } from "./lines.ts";

type Family = "softmax" | "logSoftmax";

/** @param result from x − max x and the sum of exponentials, named `shifted` and `sum` */
function overLines<K extends Family>(result: (shader: Shader) => string): AnchorLowering<K> {
  return {
    kind: "anchor",
    operands: "memory",
    lower(node, context) {
      const shape = context.shapeOf(0);
      const lines = linesOf(shape, [node.attributes.axis]);
      const shader = new Shader(context.label);
      const main = new Block();
      const { team, walk, share } = walkLines(shader, main, lines);
      const input = shader.input(context.tensor(0));
      const maximum = shader.call("maximum", 1);
      const exp = shader.call("exp", 1);
      const element = (block: Block, index: string): string => block.define("x", input.load(index, 1));

      main.add(`var topPart = ${shader.number(-Infinity)};`);
      walk((block, index) => block.add(`topPart = ${maximum}(topPart, ${element(block, index)});`));
      share("top", (a, b) => `${maximum}(${a}, ${b})`);
      main.add("var sumPart = 0.0;");
      walk((block, index) => block.add(`sumPart += ${exp}(${element(block, index)} - top);`));
      share("sum", (a, b) => `${a} + ${b}`);
      walk((block, index) => {
        block.add(`let shifted = ${element(block, index)} - top;`, `let result = ${result(shader)};`);
        context.finish(shader, block, new Position(block, shape, 1, { index }), "result");
      });
      return [shader.finish(main, { workgroup: team.workgroup, groups: Math.ceil(lines.count / team.lines) }, context.maxGroups)];
    },
  };
}

export const softmax = overLines<"softmax">((shader) => `${shader.call("exp", 1)}(shifted) / sum`);
export const logSoftmax = overLines<"logSoftmax">((shader) => `shifted - ${shader.call("log", 1)}(sum)`);
