// The product of two matrices that fills a device: the body of matmul and of convolutions, which differ in how an operand is read and
// where a result goes. A workgroup of 8 × 8 threads computes a tile of results, each thread 4 × 4 of them or 8 × 8 in registers, while
// tiles of both operands pass through workgroup memory: the larger ones read less, and are taken where enough of them remain. A tile is
// kept with k as its slow axis: a thread that reads along k turns its block of 4 × 4 in registers. The next tile is on its way while one
// is worked on. What follows (bias, activation, adding to a gradient) is done before the result is stored. Where there are few tiles and
// a long k, as in weight gradients, k is cut into parts that are computed side by side and summed.
import { elementCount, type Shape } from "@tabgrad/core";
import { dividedBy, modulo, plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Dispatch } from "../wgsl/shader.ts";
import type { AnchorContext } from "./lowering.ts";
import { sumParts } from "./reduction.ts";
import { tilingOf, type Tiling } from "./tiling.ts";

/** Threads of a workgroup: 8 × 8. */
const workgroup = 64;

/** What is read is never further out than the next multiple of these. */
export interface Reach {
  readonly rows: number;
  readonly columns: number;
}

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
  read(shader: Shader, reach: Reach): string[];
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

/** The dispatches that compute the product, and finish the anchor's results with it. */
export function tiledProduct(product: Product, context: AnchorContext): Dispatch[] {
  const tiling = tilingOf({ ...product, matrices: elementCount(product.batch) });
  if (tiling.parts === 1) return [multiply(product, tiling, context)];
  const elements = elementCount(context.outputShape);
  const scratch = context.scratch(tiling.parts * elements);
  return [multiply(product, tiling, context, scratch), sumParts(scratch, tiling.parts, elements, context)];
}

/** @param scratch [parts, …output]: where each part's results go if there are several parts */
function multiply(product: Product, tiling: Tiling, context: AnchorContext, scratch?: Scratch): Dispatch {
  const { m, n, k, a, b } = product;
  const { side, depth, parts, partLength } = tiling;
  const shader = new Shader(context.label);
  const tiles = { m: Math.ceil(m / side), n: Math.ceil(n / side), batch: elementCount(product.batch) };
  for (const [name, operand] of [["A", a] as const, ["B", b] as const]) {
    const reach = operand.alongK ? { rows: side, columns: depth } : { rows: depth, columns: side };
    shader.declare(
      `var<workgroup> tile${name}: array<vec4f, ${(depth * side) / 4}>;`,
      `fn read${name}(base: u32, row: u32, column: u32) -> vec4f {`,
      ...operand.read(shader, reach),
      "}",
    );
  }
  declareFinish(shader, product, context, scratch);

  const main = new Block();
  const column = main.define("column", times(modulo("group", tiles.n), side));
  const row = main.define("row", times(modulo(dividedBy("group", tiles.n), tiles.m), side));
  const matrix = tiles.batch * parts === 1 ? u32(0) : main.define("matrix", dividedBy("group", tiles.n * tiles.m));
  const batch = parts === 1 ? matrix : main.define("batch", modulo(matrix, tiles.batch));
  const start = parts === 1 ? u32(0) : main.define("start", times(dividedBy(matrix, tiles.batch), partLength));
  const end = parts === 1 ? u32(k) : main.define("end", `min(${start} + ${partLength}u, ${k}u)`);
  const position = new Position(main, product.batch, 1, { index: batch });
  const [baseA, baseB] = [a, b].map((operand) =>
    main.define("base", times(position.broadcastFrom(operand.batch)!.linear(), operand.stride)),
  );
  const fills = [
    fillOf(main, tiling, { name: "A", operand: a, base: baseA, outer: row }),
    fillOf(main, tiling, { name: "B", operand: b, base: baseB, outer: column }),
  ];

  main.add("let fast = local % 8u;", "let slow = local / 8u;");
  const sums = sumsOf(tiling);
  for (const { name } of sums) main.add(`var ${name} = vec4f();`);
  for (const { declare, read } of fills) main.add(...declare, ...read(start));
  main.add(`for (var k = ${start}; k < ${end}; k += ${depth}u) {`);
  for (const { store } of fills) main.add(...store);
  main.add("workgroupBarrier();", `let next = k + ${depth}u;`, `if (next < ${end}) {`);
  for (const { read } of fills) main.add(...read("next"));
  main.add("}", ...multiplyTiles(tiling), "workgroupBarrier();", "}");
  for (const { name, row: r, column: c } of sums) {
    const at = { row: plus(row, plus("slow * 4u", u32(r))), column: plus(column, plus("fast * 4u", u32(c))) };
    writeResults(main, product, tiling, { ...at, name, matrix });
  }
  const dispatch = shader.finish(main, { workgroup, groups: tiles.m * tiles.n * tiles.batch * parts }, context.maxGroups);
  return { ...dispatch, multiplications: m * n * k * tiles.batch };
}

type Scratch = Parameters<Shader["input"]>[0];

/** The results of a thread, four in a row: where they are, from the thread's first row and column on. */
function sumsOf({ side }: Tiling): { name: string; row: number; column: number }[] {
  const blocks = Array.from({ length: side / 32 }, (_, i) => 32 * i);
  const rows = blocks.flatMap((block) => [0, 1, 2, 3].map((i) => block + i));
  return rows.flatMap((row) => blocks.map((column) => ({ name: `sum${row}_${column}`, row, column })));
}

/** What a thread does with the tiles while they are in workgroup memory. */
function multiplyTiles(tiling: Tiling): string[] {
  const { side, depth } = tiling;
  const loads = (name: "A" | "B", mine: "slow" | "fast"): string[] =>
    Array.from({ length: side / 32 }, (_, i) => {
      const at = plus(`i * ${side / 4}u + (${mine} ^ turn)`, u32(8 * i));
      return `let ${name.toLowerCase()}${i} = tile${name}[${at}];`;
    });
  return [
    `for (var block = 0u; block < ${depth / 4}u; block++) {`,
    `let turn = ${times("block", 32 / depth)};`,
    "for (var i = block * 4u; i < block * 4u + 4u; i++) {",
    ...loads("A", "slow"),
    ...loads("B", "fast"),
    ...sumsOf(tiling).map(({ name, row, column }) => {
      const a = `a${Math.floor(row / 32)}.${"xyzw"[row % 4]}`;
      return `${name} = fma(vec4f(${a}), b${column / 32}, ${name});`;
    }),
    "}",
    "}",
  ];
}

/** The block of 4 × 4 that a thread brings into a tile. */
interface Fill {
  readonly declare: readonly string[];
  /** From memory into registers, from `k` on. */
  read(k: string): string[];
  /** From registers into the tile. */
  readonly store: readonly string[];
}

/**
 * Columns of a tile are exchanged by the exclusive or with the number of the block along k, so that neither writing nor reading makes
 * threads wait for the same bank.
 */
function fillOf(
  main: Block,
  { side, depth }: Tiling,
  { name, operand: { alongK }, base, outer }: { name: "A" | "B"; operand: Operand; base: string; outer: string },
): Fill {
  // Threads side by side read neighbours in memory.
  const along = main.define("along", alongK ? modulo("local", depth / 4) : dividedBy("local", side / 4));
  const across = main.define("across", alongK ? dividedBy("local", depth / 4) : modulo("local", side / 4));
  const at = main.define("at", `${times(along, side)} + (${across} ^ (${times(along, 32 / depth)}))`);
  const place = main.define("place", plus(outer, times(across, 4)));
  const values = [0, 1, 2, 3].map((i) => `${name.toLowerCase()}${i}Next`);
  return {
    declare: values.map((value) => `var ${value} = vec4f();`),
    read(k) {
      const inner = plus(k, times(along, 4));
      const [row, column] = alongK ? [place, inner] : [inner, place];
      return values.map((value, i) => `${value} = read${name}(${base}, ${plus(row, u32(i))}, ${column});`);
    },
    store: values.map((value, i) => {
      const turned = `vec4f(${values.map((other) => `${other}.${"xyzw"[i]}`).join(", ")})`;
      return `tile${name}[${plus(at, u32((i * side) / 4))}] = ${alongK ? turned : value};`;
    }),
  };
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

function writeResults(
  main: Block,
  { m, n, lanes }: Product,
  { side }: Tiling,
  at: { row: string; column: string; matrix: string; name: string },
): void {
  const y = m % side === 0 ? [] : [`${at.row} < ${m}u`];
  const x = n % side === 0 || lanes === 1 ? [] : [`${at.column} < ${n}u`];
  const call = `${lanes === 4 ? "finish" : "finishRow"}(${at.matrix}, ${at.row}, ${at.column}, ${at.name});`;
  const checks = [...y, ...x];
  main.add(checks.length > 0 ? `if (${checks.join(" && ")}) { ${call} }` : call);
}
