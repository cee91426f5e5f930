// The first index at which a line is largest.
import { Block, Position } from "../wgsl/position.ts";
import { Shader } from "../wgsl/shader.ts";
import type { AnchorLowering } from "./lowering.ts";
import { combineLanes, linesOf, placeThread, teamOf } from "./lines.ts";

export const argmax: AnchorLowering<"argmax"> = {
  kind: "anchor",
  operands: "expression",
  lower(node, context) {
    const shape = context.shapeOf(0);
    const lines = linesOf(shape, [node.attributes.axis]);
    const team = teamOf(lines);
    const shader = new Shader(context.label);
    const main = new Block();
    const { line, lane } = placeThread(main, team);
    // A lane without elements holds an index beyond the line's, which never wins.
    shader.declare(`var<workgroup> best: array<f32, ${team.workgroup}>;`, `var<workgroup> place: array<u32, ${team.workgroup}>;`);
    main.add(`best[local] = ${shader.number(-Infinity)};`, `place[local] = ${lines.length}u;`);

    const loop = new Block(main);
    const position = new Position(loop, shape, 1, { index: lines.index(loop, line, "along") });
    const value = context.operand(shader, loop, 0, position).code;
    loop.add(`if (along == ${lane} || ${value} > best[local]) { best[local] = ${value}; place[local] = along; }`);
    main.add(
      `if (${line} < ${lines.count}u) {`,
      `for (var along = ${lane}; along < ${lines.length}u; along += ${team.lanes}u) {`,
      ...loop.lines,
      "}",
      "}",
    );
    combineLanes(main, team, lane, (other) => {
      const better = `best[${other}] > best[local] || (best[${other}] == best[local] && place[${other}] < place[local])`;
      return `if (${better}) { best[local] = best[${other}]; place[local] = place[${other}]; }`;
    });
    const end = new Block(main);
    end.add("let result = f32(place[local]);");
    context.finish(shader, end, new Position(end, context.outputShape, 1, { index: line }), "result");
    main.add(`if (${lane} == 0u && ${line} < ${lines.count}u) {`, ...end.lines, "}");
    return [shader.finish(main, { workgroup: team.workgroup, groups: Math.ceil(lines.count / team.lines) }, context.maxGroups)];
  },
};
