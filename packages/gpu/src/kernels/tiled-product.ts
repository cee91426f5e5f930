// The product of two matrices that fills a device: the body of matmul and of convolutions, which differ in how an operand is read and
// where a result goes. A workgroup of 8 × 8 threads computes a tile of 32 × 32 results, each thread 4 × 4 of them in registers, while
// tiles of 32 × 32 of both operands pass through workgroup memory. A tile is kept with k as its slow axis: a thread that reads along k
// turns its block of 4 × 4 in registers. What follows (bias, activation, adding to a gradient) is done before the result is stored.
// Where there are few tiles and a long k, as in weight gradients, k is cut into parts that are computed side by side and summed.
import { elementCount, type Shape } from "@tabgrad/core";
import { dividedBy, modulo, plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Dispatch } from "../wgsl/shader.ts";
import type { AnchorContext } from "./lowering.ts";
import { sumParts } from "./reduction.ts";

/** Rows and columns of a tile, and how much of k passes through workgroup memory at once. */
export const tile = 32;
const workgroup = 64;
/** Fewer tiles than this leave a device idle, and k is cut up, into parts no shorter than this. */
const enoughTiles = 128;
const shortestPart = 128;

/** One operand: a row-major matrix of `rows` × `columns`, one for each index of its batch. It need not lie in memory as such. */
export interface Operand {
  readonly batch: Shape;
  readonly rows: number;
  readonly columns: number;
  /** True if columns run along k, so that what is read together is summed over. */
  readonly alongK: boolean;
  /** Elements from one matrix of the batch to the next. */
  readonly stride: number;
  /**
   * The body of a function of `base` (the batch's index times the stride), `row` and `column` (u32, a multiple of four) that returns four
   * neighbours of a row as vec4f: those from the column on, with zeros outside the matrix.
   */
  read(shader: Shader): string[];
}

/** Where a result goes. */
export interface ResultPlace {
  /** The row-major index in the output. */
  readonly index: string;
  /** If they are at hand: the coordinates in the output's shape. */
  readonly coordinates?: readonly string[];
}

export interface Product {
  readonly batch: Shape;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** [m, k] if along k, else [k, m]. */
  readonly a: Operand;
  /** [n, k] if along k, else [k, n]. */
  readonly b: Operand;
  /** 4 if four neighbours of a row of results are neighbours in the output, at a multiple of four. */
  readonly lanes: 1 | 4;
  /** Writes what it takes into the block. `matrix` is the index in the batch, u32 as `row` and `column`. */
  place(block: Block, matrix: string, row: string, column: string): ResultPlace;
}

interface Cut {
  readonly parts: number;
  /** Of k in one part: a multiple of the tile. */
  readonly partLength: number;
}

/** The dispatches that compute the product, and finish the anchor's results with it. */
export function tiledProduct(product: Product, context: AnchorContext): Dispatch[] {
  const cut = cutOf(product);
  if (cut.parts === 1) return [multiply(product, cut, context)];
  const elements = elementCount(context.outputShape);
  const scratch = context.scratch(cut.parts * elements);
  return [multiply(product, cut, context, scratch), sumParts(scratch, cut.parts, elements, context)];
}

function cutOf({ batch, m, n, k }: Product): Cut {
  const tiles = Math.ceil(m / tile) * Math.ceil(n / tile) * elementCount(batch);
  const wanted = Math.max(1, Math.min(Math.floor(enoughTiles / tiles), Math.floor(k / shortestPart)));
  const partLength = Math.ceil(k / wanted / tile) * tile;
  return { parts: Math.ceil(k / partLength), partLength };
}

/** @param scratch [parts, …output]: where each part's results go if there are several parts */
function multiply(product: Product, { parts, partLength }: Cut, context: AnchorContext, scratch?: Scratch): Dispatch {
  const { m, n, k, a, b, lanes } = product;
  const shader = new Shader(context.label);
  const tiles = { m: Math.ceil(m / tile), n: Math.ceil(n / tile), batch: elementCount(product.batch) };
  shader.declare(
    `var<workgroup> tileA: array<vec4f, ${tile * (tile / 4)}>;`,
    `var<workgroup> tileB: array<vec4f, ${tile * (tile / 4)}>;`,
  );
  for (const [name, operand] of [["A", a] as const, ["B", b] as const])
    shader.declare(`fn read${name}(base: u32, row: u32, column: u32) -> vec4f {`, ...operand.read(shader), "}");
  declareFinish(shader, product, context, scratch);

  const main = new Block();
  const column = main.define("column", times(modulo("group", tiles.n), tile));
  const row = main.define("row", times(modulo(dividedBy("group", tiles.n), tiles.m), tile));
  const matrix = tiles.batch * parts === 1 ? u32(0) : main.define("matrix", dividedBy("group", tiles.n * tiles.m));
  const batch = parts === 1 ? matrix : main.define("batch", modulo(matrix, tiles.batch));
  const start = parts === 1 ? u32(0) : main.define("start", times(dividedBy(matrix, tiles.batch), partLength));
  const end = parts === 1 ? u32(k) : main.define("end", `min(${start} + ${partLength}u, ${k}u)`);
  const position = new Position(main, product.batch, 1, { index: batch });
  const [baseA, baseB] = [a, b].map((operand) =>
    main.define("base", times(position.broadcastFrom(operand.batch)!.linear(), operand.stride)),
  );

  main.add("let fast = local % 8u;", "let slow = local / 8u;");
  for (let r = 0; r < 4; r++) main.add(`var sum${r} = vec4f();`);
  main.add(`for (var k = ${start}; k < ${end}; k += ${tile}u) {`);
  fillTile(main, "A", a, baseA, row);
  fillTile(main, "B", b, baseB, column);
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
  writeResults(main, product, { row: plus(row, "slow * 4u"), column: plus(column, "fast * 4u"), matrix, lanes });
  return shader.finish(main, { workgroup, groups: tiles.m * tiles.n * tiles.batch * parts }, context.maxGroups);
}

type Scratch = Parameters<Shader["input"]>[0];

/**
 * Each thread brings a block of 4 × 4 into the tile. Columns of a tile are exchanged by the exclusive or with the number of the block
 * along k, so that neither writing nor reading makes threads wait for the same bank.
 */
function fillTile(main: Block, name: "A" | "B", { alongK }: Operand, base: string, outer: string): void {
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
  { batch, n, lanes, place }: Product,
  context: AnchorContext,
  scratch: Scratch | undefined,
): void {
  const block = new Block();
  if (scratch) {
    const count = elementCount(batch);
    const matrix = block.define("within", modulo("matrix", count));
    const { index } = place(block, matrix, "row", "column");
    const part = times(dividedBy("matrix", count), elementCount(context.outputShape));
    block.add(shader.writes(scratch, false).store(block.define("i", plus(part, index)), "value", lanes));
  } else {
    const { index, coordinates } = place(block, "matrix", "row", "column");
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

function writeResults(main: Block, { m, n }: Product, at: { row: string; column: string; matrix: string; lanes: 1 | 4 }): void {
  main.add(`let y = ${at.row};`, `let x = ${at.column};`);
  for (let r = 0; r < 4; r++) {
    const y = plus("y", u32(r));
    const checks = [...(m % tile === 0 ? [] : [`${y} < ${m}u`]), ...(n % tile === 0 || at.lanes === 1 ? [] : [`x < ${n}u`])];
    const call = `${at.lanes === 4 ? "finish" : "finishRow"}(${at.matrix}, ${y}, x, sum${r});`;
    main.add(checks.length > 0 ? `if (${checks.join(" && ")}) { ${call} }` : call);
  }
}
