// Rows of a table by index, and sums of what has the same index.
import { elementCount } from "@tabgrad/core";
import { dividedBy, modulo, plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Dispatch } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering, InlineLowering } from "./lowering.ts";
import { sumParts } from "./reduction.ts";

export const gather: InlineLowering<"gather"> = {
  kind: "inline",
  cost: 3,
  exact: true,
  inPlace: false,
  emit(_, position, reader) {
    const [table, indices] = [reader.shapeOf(0), reader.shapeOf(1)];
    // Four lanes may lie in one row of the table, but not in four.
    if (position.lanes === 4 && (table.length === 1 || !position.lanesAlongLastAxis)) return undefined;
    const coordinates = position.coordinates();
    const at = new Position(reader.block, indices, 1, { coordinates: coordinates.slice(0, indices.length) });
    const index = reader.input(1, at).code;
    const row = reader.block.define("row", `min(u32(${index}), ${table[0] - 1}u)`);
    const there = new Position(reader.block, table, position.lanes, { coordinates: [row, ...coordinates.slice(indices.length)] });
    const { code, lanes } = reader.input(0, there);
    return { code: `select(${lanes === 4 ? "vec4f(0.0)" : "0.0"}, ${code}, f32(${row}) == ${index})`, lanes };
  },
};

/** Rows times columns of the result that one workgroup adds up, in its own memory: half of what every device has. */
const tileElements = 2048;
const maxColumns = 64;
/** Below this number of workgroups the updates are dealt out to several for each tile, with this many updates each at least. */
const manyGroups = 128;
const minUpdates = 128;

/**
 * A workgroup has some rows and columns of the result, a thread one of the columns. All threads walk the indices together, in order, and
 * add what falls into their rows: no two threads write to one place, and the order of additions is always the same.
 */
export const scatterAdd: AnchorLowering<"scatterAdd"> = {
  kind: "anchor",
  operands: "memory",
  lower(node, context) {
    const [count, ...rest] = node.shape;
    const width = elementCount(rest);
    const updates = elementCount(context.shapeOf(1));
    const columns = Math.min(maxColumns, Math.max(16, 2 ** Math.ceil(Math.log2(width))));
    const rows = Math.min(count, tileElements / columns);
    const tiles = Math.ceil(count / rows) * Math.ceil(width / columns);
    const parts = Math.max(1, Math.min(Math.ceil(manyGroups / tiles), Math.floor(updates / minUpdates)));
    const tiling: Tiling = { count, width, updates, columns, rows, tiles, parts };
    if (parts === 1) return [scatter(tiling, context, finishing(context))];
    const scratch = context.scratch(parts * count * width);
    const store: Write = (shader, block, index, part) =>
      block.add(shader.writes(scratch, false).store(plus(times(part, count * width), index), "result", 1));
    return [scatter(tiling, context, store), sumParts(scratch, parts, count * width, context)];
  },
};

interface Tiling {
  /** Of the result. */
  readonly count: number;
  readonly width: number;
  readonly updates: number;
  /** Of a tile. */
  readonly columns: number;
  readonly rows: number;
  readonly tiles: number;
  /** How many workgroups share the updates of one tile. */
  readonly parts: number;
}

/** Writes `result`, of which the row-major index is given. */
type Write = (shader: Shader, block: Block, index: string, part: string) => void;

const finishing =
  (context: AnchorContext): Write =>
  (shader, block, index) =>
    context.finish(shader, block, new Position(block, context.outputShape, 1, { index }), "result");

function scatter({ count, width, updates, columns, rows, tiles, parts }: Tiling, context: AnchorContext, write: Write): Dispatch {
  const shader = new Shader(context.label);
  const [values, indices] = [shader.input(context.tensor(0)), shader.input(context.tensor(1))];
  const across = Math.ceil(width / columns);
  const main = new Block();
  const tile = main.define("tile", modulo("group", tiles));
  const part = main.define("part", parts === 1 ? u32(0) : dividedBy("group", tiles));
  const top = main.define("top", times(dividedBy(tile, across), rows));
  const column = main.define("column", plus(times(modulo(tile, across), columns), "local"));
  const share = Math.ceil(updates / parts);
  const start = main.define("start", times(part, share));
  const end = main.define("end", parts === 1 ? u32(updates) : `min(${start} + ${share}u, ${updates}u)`);
  shader.declare(`var<workgroup> totals: array<f32, ${rows * columns}>;`, `var<workgroup> places: array<vec4u, ${columns / 4}>;`);
  main.add(
    `for (var row = 0u; row < ${rows}u; row++) { totals[row * ${columns}u + local] = 0.0; }`,
    `for (var first = ${start}; first < ${end}; first += ${columns}u) {`,
    // Where each of the next updates goes within the tile; what goes elsewhere gets a row that the tile does not have.
    `var place = ${rows}u;`,
    `if (first + local < ${end}) {`,
    `let index = ${indices.load("first + local", 1)};`,
    `let row = min(u32(index), ${count}u);`,
    `if (f32(row) == index && row >= ${top} && row < ${count}u) { place = min(row - ${top}, ${rows}u); }`,
    "}",
    "places[local / 4u][local % 4u] = place;",
    "workgroupBarrier();",
    `for (var i = 0u; i < ${columns / 4}u; i++) {`,
    "let four = places[i];",
    `if (${column} >= ${width}u || all(four == vec4u(${rows}u))) { continue; }`,
    ...[0, 1, 2, 3].map((lane) => {
      const from = `(first + i * 4u + ${lane}u) * ${width}u + ${column}`;
      return `if (four[${lane}] < ${rows}u) { totals[four[${lane}] * ${columns}u + local] += ${values.load(from, 1)}; }`;
    }),
    "}",
    "workgroupBarrier();",
    "}",
  );
  const end_ = new Block(main);
  const index = end_.define("i", plus(times(`${top} + row`, width), column));
  end_.add(`let result = totals[row * ${columns}u + local];`);
  write(shader, end_, index, part);
  main.add(
    `for (var row = 0u; row < ${rows}u; row++) {`,
    `if (${top} + row < ${count}u && ${column} < ${width}u) {`,
    ...end_.lines,
    "}",
    "}",
  );
  return shader.finish(main, { workgroup: columns, groups: tiles * parts }, context.maxGroups);
}
