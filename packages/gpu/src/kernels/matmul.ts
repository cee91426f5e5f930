// Matrix multiplication, batched and with transposes. A workgroup of 8 × 8 threads computes a tile of 32 × 32 results, each thread 4 × 4
// of them in registers, while tiles of 32 × 32 of both operands pass through workgroup memory. Whatever the flags, a tile is kept
// with k as its slow axis: a thread that reads along k turns its block of 4 × 4 in registers. What follows (bias, activation, adding
// to a gradient) is done before the result is stored. Where there are few tiles and a long k, as in weight gradients, k is cut into
// parts that are computed side by side and summed.
import { elementCount, matmulDimensions, type NodeFor, type Shape } from "@tabgrad/core";
import { dividedBy, modulo, plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Dispatch } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering } from "./lowering.ts";
import { sumParts } from "./reduction.ts";

/** Rows and columns of a tile, and how much of k passes through workgroup memory at once. */
const tile = 32;
const workgroup = 64;
/** Fewer tiles than this leave a device idle, and k is cut up, into parts no shorter than this. */
const enoughTiles = 128;
const shortestPart = 128;

/** One operand: a row-major matrix of `rows` × `columns` in memory, one for each index of its batch. */
interface Operand {
  readonly name: "A" | "B";
  readonly input: number;
  readonly batch: Shape;
  readonly rows: number;
  readonly columns: number;
  /** True if columns run along k, so that neighbours in memory are summed over. */
  readonly alongK: boolean;
}

interface Problem {
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly parts: number;
  /** Of k in one part: a multiple of the tile. */
  readonly partLength: number;
  readonly a: Operand;
  readonly b: Operand;
}

export const matmul: AnchorLowering<"matmul"> = {
  kind: "anchor",
  operands: "memory",
  lower(node, context) {
    const problem = problemOf(node, context);
    if (problem.parts === 1) return [multiply(problem, context)];
    const elements = elementCount(context.outputShape);
    const scratch = context.scratch(problem.parts * elements);
    return [multiply(problem, context, scratch), sumParts(scratch, problem.parts, elements, context)];
  },
};

function problemOf({ attributes }: NodeFor<"matmul">, context: AnchorContext): Problem {
  const shapes = [context.shapeOf(0), context.shapeOf(1)] as const;
  const dimensions = matmulDimensions(shapes[0], shapes[1], attributes);
  // One matrix on the right for all on the left: the left ones are one tall matrix.
  const tall = elementCount(shapes[1].slice(0, -2)) === 1 && !attributes.transposeA;
  const batch = tall ? [] : dimensions.batch;
  const m = tall ? dimensions.m * elementCount(dimensions.batch) : dimensions.m;
  const { n, k } = dimensions;
  const a: Operand = { name: "A", input: 0, batch: tall ? [] : shapes[0].slice(0, -2), ...sides(m, k, attributes.transposeA) };
  const b: Operand = { name: "B", input: 1, batch: tall ? [] : shapes[1].slice(0, -2), ...sides(n, k, !attributes.transposeB) };
  const tiles = Math.ceil(m / tile) * Math.ceil(n / tile) * elementCount(batch);
  const wanted = Math.max(1, Math.min(Math.floor(enoughTiles / tiles), Math.floor(k / shortestPart)));
  const partLength = Math.ceil(k / wanted / tile) * tile;
  return { batch, m, n, k, parts: Math.ceil(k / partLength), partLength, a, b };
}

/** @param outer the dimension that is not summed over */
const sides = (outer: number, k: number, kFirst: boolean): { rows: number; columns: number; alongK: boolean } =>
  kFirst ? { rows: k, columns: outer, alongK: false } : { rows: outer, columns: k, alongK: true };

function multiply(problem: Problem, context: AnchorContext, scratch?: Parameters<Shader["input"]>[0]): Dispatch {
  const { m, n, k, a, b, partLength, parts } = problem;
  const shader = new Shader(context.label);
  const tiles = { m: Math.ceil(m / tile), n: Math.ceil(n / tile), batch: elementCount(problem.batch) };
  shader.declare(
    `var<workgroup> tileA: array<vec4f, ${tile * (tile / 4)}>;`,
    `var<workgroup> tileB: array<vec4f, ${tile * (tile / 4)}>;`,
  );
  declareRead(shader, a, context);
  declareRead(shader, b, context);
  const lanes = n % 4 === 0 ? 4 : 1;
  declareFinish(shader, problem, context, scratch, lanes);

  const main = new Block();
  const column = main.define("column", times(modulo("group", tiles.n), tile));
  const row = main.define("row", times(modulo(dividedBy("group", tiles.n), tiles.m), tile));
  const matrix = tiles.batch * parts === 1 ? u32(0) : main.define("matrix", dividedBy("group", tiles.n * tiles.m));
  const batch = parts === 1 ? matrix : main.define("batch", modulo(matrix, tiles.batch));
  const start = parts === 1 ? u32(0) : main.define("start", times(dividedBy(matrix, tiles.batch), partLength));
  const end = parts === 1 ? u32(k) : main.define("end", `min(${start} + ${partLength}u, ${k}u)`);
  const position = new Position(main, problem.batch, 1, { index: batch });
  const bases = [a, b].map((operand) =>
    main.define("base", times(position.broadcastFrom(operand.batch)!.linear(), operand.rows * operand.columns)),
  );

  main.add("let fast = local % 8u;", "let slow = local / 8u;");
  for (let r = 0; r < 4; r++) main.add(`var sum${r} = vec4f();`);
  main.add(`for (var k = ${start}; k < ${end}; k += ${tile}u) {`);
  fillTile(main, a, bases[0], row);
  fillTile(main, b, bases[1], column);
  main.add(
    "workgroupBarrier();",
    "for (var block = 0u; block < 8u; block++) {",
    "let atA = block * 32u + (slow ^ block);",
    "let atB = block * 32u + (fast ^ block);",
    "for (var i = 0u; i < 32u; i += 8u) {",
    "let a = tileA[atA + i];",
    "let b = tileB[atB + i];",
  );
  for (let r = 0; r < 4; r++) main.add(`sum${r} = fma(vec4f(a.${"xyzw"[r]}), b, sum${r});`);
  main.add("}", "}", "workgroupBarrier();", "}");
  writeResults(main, problem, { row: plus(row, "slow * 4u"), column: plus(column, "fast * 4u"), matrix, lanes });
  return shader.finish(main, { workgroup, groups: tiles.m * tiles.n * tiles.batch * parts }, context.maxGroups);
}

/** Declares the function that reads four neighbours of an operand; outside there are zeros. */
function declareRead(shader: Shader, { name, input, rows, columns }: Operand, context: AnchorContext): void {
  const binding = shader.input(context.tensor(input));
  const head = `fn read${name}(base: u32, row: u32, column: u32) -> vec4f {`;
  const rowCheck = rows % tile === 0 ? [] : [`row >= ${rows}u`];
  const index = `base + ${times("row", columns)} + column`;
  if (columns % 4 === 0) {
    const checks = [...rowCheck, ...(columns % tile === 0 ? [] : [`column >= ${columns}u`])];
    const guard = checks.length > 0 ? [`if (${checks.join(" || ")}) { return vec4f(); }`] : [];
    shader.declare(head, ...guard, `return ${binding.load(index, 4)};`, "}");
    return;
  }
  const lines = [0, 1, 2, 3].map((lane) => {
    const load = `result.${"xyzw"[lane]} = ${binding.load(plus("index", u32(lane)), 1)};`;
    return `if (${plus("column", u32(lane))} < ${columns}u) { ${load} }`;
  });
  const guard = rowCheck.length > 0 ? [`if (${rowCheck[0]}) { return result; }`] : [];
  shader.declare(head, "var result = vec4f();", ...guard, `let index = ${index};`, ...lines, "return result;", "}");
}

/**
 * Each thread brings a block of 4 × 4 into the tile. Columns of a tile are exchanged by the exclusive or with the number of the block
 * along k, so that neither writing nor reading makes threads wait for the same bank.
 */
function fillTile(main: Block, { name, alongK }: Operand, base: string, outer: string): void {
  // Threads side by side read neighbours in memory.
  const [along, across] = alongK ? ["fast", "slow"] : ["slow", "fast"];
  main.add("{", `let at = ${along} * 32u + (${across} ^ ${along});`);
  const k = `k + ${along} * 4u`;
  const place = plus(outer, `${across} * 4u`);
  const [row, column] = alongK ? [place, k] : [k, place];
  for (let i = 0; i < 4; i++) main.add(`let x${i} = read${name}(${base}, ${plus(row, u32(i))}, ${column});`);
  for (let i = 0; i < 4; i++) {
    const c = "xyzw"[i];
    main.add(`tile${name}[at + ${i * 8}u] = ${alongK ? `vec4f(x0.${c}, x1.${c}, x2.${c}, x3.${c})` : `x${i}`};`);
  }
  main.add("}");
}

/** Declares the function that takes a result at (row, column) of a matrix: four neighbours in a row, or one. */
function declareFinish(
  shader: Shader,
  { m, n, batch }: Problem,
  context: AnchorContext,
  scratch: Parameters<Shader["input"]>[0] | undefined,
  lanes: 1 | 4,
): void {
  const block = new Block();
  const index = block.define("i", `(matrix * ${m}u + row) * ${n}u + column`);
  if (scratch) {
    block.add(shader.writes(scratch, false).store(index, "value", lanes));
  } else {
    const coordinates = batch.length === 0 && context.outputShape.length === 2 ? ["row", "column"] : undefined;
    context.finish(shader, block, new Position(block, context.outputShape, lanes, { index, coordinates }), "value");
  }
  const type = lanes === 4 ? "vec4f" : "f32";
  shader.declare(`fn finish(matrix: u32, row: u32, column: u32, value: ${type}) {`, ...block.lines, "}");
  if (lanes === 4) return;
  shader.declare(
    "fn finishRow(matrix: u32, row: u32, column: u32, values: vec4f) {",
    `for (var c = 0u; c < min(4u, ${n}u - min(column, ${n}u)); c++) { finish(matrix, row, column + c, values[c]); }`,
    "}",
  );
}

function writeResults(main: Block, { m, n }: Problem, at: { row: string; column: string; matrix: string; lanes: 1 | 4 }): void {
  main.add(`let y = ${at.row};`, `let x = ${at.column};`);
  for (let r = 0; r < 4; r++) {
    const y = plus("y", u32(r));
    const checks = [...(m % tile === 0 ? [] : [`${y} < ${m}u`]), ...(n % tile === 0 || at.lanes === 1 ? [] : [`x < ${n}u`])];
    const call = `${at.lanes === 4 ? "finish" : "finishRow"}(${at.matrix}, ${y}, x, sum${r});`;
    main.add(checks.length > 0 ? `if (${checks.join(" && ")}) { ${call} }` : call);
  }
}
