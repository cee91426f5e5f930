// softmax and its logarithm: a team of threads walks each line three times, for the maximum, the sum of exponentials and the result.
import { Block, Position } from "../wgsl/position.ts";
import { Shader } from "../wgsl/shader.ts";
import type { AnchorLowering } from "./lowering.ts";
import { combineLanes, linesOf, placeThread, teamOf } from "./lines.ts";

type Family = "softmax" | "logSoftmax";

/** @param result from x − max x and the sum of exponentials, named `shifted` and `sum` */
function overLines<K extends Family>(result: (shader: Shader) => string): AnchorLowering<K> {
  return {
    kind: "anchor",
    operands: "memory",
    lower(node, context) {
      const shape = context.shapeOf(0);
      const lines = linesOf(shape, [node.attributes.axis]);
      const team = teamOf(lines);
      const shader = new Shader(context.label);
      const main = new Block();
      const { line, lane } = placeThread(main, team);
      const input = shader.input(context.tensor(0));
      const maximum = shader.call("maximum", 1);
      const exp = shader.call("exp", 1);

      const walk = (write: (block: Block, index: string, element: string) => void): void => {
        const loop = new Block(main);
        const index = lines.index(loop, line, "along");
        write(loop, index, loop.define("x", input.load(index, 1)));
        main.add(
          `if (${line} < ${lines.count}u) {`,
          `for (var along = ${lane}; along < ${lines.length}u; along += ${team.lanes}u) {`,
          ...loop.lines,
          "}",
          "}",
        );
      };
      const share = (name: string, combine: (other: string) => string): void => {
        main.add(`partial[local] = ${name}Part;`);
        combineLanes(main, team, lane, combine);
        main.add(`let ${name} = partial[local - ${lane} * ${team.stride}u];`);
      };

      shader.declare(`var<workgroup> partial: array<f32, ${team.workgroup}>;`);
      main.add(`var topPart = ${shader.number(-Infinity)};`);
      walk((block, _, x) => block.add(`topPart = ${maximum}(topPart, ${x});`));
      share("top", (other) => `partial[local] = ${maximum}(partial[local], partial[${other}]);`);
      // Everybody has read the maximum before its place is used again.
      main.add("workgroupBarrier();", "var sumPart = 0.0;");
      walk((block, _, x) => block.add(`sumPart += ${exp}(${x} - top);`));
      share("sum", (other) => `partial[local] += partial[${other}];`);
      walk((block, index, x) => {
        block.add(`let shifted = ${x} - top;`, `let result = ${result(shader)};`);
        context.finish(shader, block, new Position(block, shape, 1, { index }), "result");
      });
      return [shader.finish(main, { workgroup: team.workgroup, groups: Math.ceil(lines.count / team.lines) }, context.maxGroups)];
    },
  };
}

export const softmax = overLines<"softmax">((shader) => `${shader.call("exp", 1)}(shifted) / sum`);
export const logSoftmax = overLines<"logSoftmax">((shader) => `shifted - ${shader.call("log", 1)}(sum)`);
