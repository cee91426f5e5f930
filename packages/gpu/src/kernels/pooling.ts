// Pooling and its gradients: one thread for each element of the result. A gradient is gathered, not scattered: a cell looks at every
// window that it is in, in order, so that no two threads write to one place and sums have one order.
import { elementCount, poolingGeometry, type NodeFor, type OperationAttributes, type PoolingGeometry } from "@tabgrad/core";
import { dividedBy, modulo, plus, times } from "../wgsl/index-arithmetic.ts";
import { Block, Position } from "../wgsl/position.ts";
import { Shader, type Binding } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering } from "./lowering.ts";

const workgroup = 64;

type Pooling = "maxPool2d" | "maxPool2dGradient" | "maxPool2dGather" | "averagePool2d" | "averagePool2dGradient";

/** Where a thread is: the plane (image and channel), and the line and the place of its element of the result. */
interface Place {
  readonly plane: string;
  readonly line: string;
  readonly place: string;
  /** Row-major, of the element itself. */
  readonly index: string;
}

/** @param compute writes what it takes into the block, and returns the element */
function pooling<K extends Pooling>(
  geometryOf: (node: NodeFor<K>, context: AnchorContext) => PoolingGeometry,
  compute: (at: Place, block: Block, shader: Shader, geometry: PoolingGeometry, node: NodeFor<K>, context: AnchorContext) => string,
): AnchorLowering<K> {
  return {
    kind: "anchor",
    operands: "memory",
    lower(node, context) {
      const shape = context.outputShape;
      const elements = elementCount(shape);
      const shader = new Shader(context.label);
      const main = new Block();
      const index = main.define("thread", plus(times("group", workgroup), "local"));
      if (elements % workgroup !== 0) main.add(`if (${index} >= ${elements}u) { return; }`);
      const at: Place = {
        plane: main.define("plane", dividedBy(index, shape[2] * shape[3])),
        line: main.define("line", modulo(dividedBy(index, shape[3]), shape[2])),
        place: main.define("place", modulo(index, shape[3])),
        index,
      };
      const value = compute(at, main, shader, geometryOf(node, context), node, context);
      context.finish(shader, main, new Position(main, shape, 1, { index }), main.define("result", value));
      return [shader.finish(main, { workgroup, groups: Math.ceil(elements / workgroup) }, context.maxGroups)];
    },
  };
}

export const maxPool2d = pooling<"maxPool2d">(
  ({ attributes }, context) => poolingGeometry(context.shapeOf(0), attributes),
  ({ plane, line, place }, _, shader, geometry, __, context) => {
    const x = shader.input(context.tensor(0));
    declareWinner(shader, geometry, x);
    return x.load(`winner(${plane}, ${line}, ${place})`, 1);
  },
);

export const maxPool2dGather = pooling<"maxPool2dGather">(
  ({ attributes }, context) => poolingGeometry(context.shapeOf(0), attributes),
  ({ plane, line, place }, _, shader, geometry, __, context) => {
    declareWinner(shader, geometry, shader.input(context.tensor(0)));
    return shader.input(context.tensor(1)).load(`winner(${plane}, ${line}, ${place})`, 1);
  },
);

export const maxPool2dGradient = pooling<"maxPool2dGradient">(
  ({ attributes }, context) => poolingGeometry(context.outputShape, attributes),
  (at, block, shader, geometry, _, context) => {
    declareWinner(shader, geometry, shader.input(context.tensor(0)));
    const upstream = shader.input(context.tensor(1));
    block.add("var total = 0.0;");
    eachWindowOf(at, block, geometry, (window) => [
      `if (winner(${at.plane}, i, j) == ${at.index}) { total += ${upstream.load(window, 1)}; }`,
    ]);
    return "total";
  },
);

export const averagePool2d = pooling<"averagePool2d">(
  ({ attributes }, context) => poolingGeometry(context.shapeOf(0), attributes),
  ({ plane, line, place }, block, shader, geometry, { attributes }, context) => {
    const x = shader.input(context.tensor(0));
    block.add("var total = 0.0;", ...eachCell(geometry, plane, line, place, [`total += ${x.load("cell", 1)};`]));
    return `total / ${divisor(geometry, attributes, line, place)}`;
  },
);

export const averagePool2dGradient = pooling<"averagePool2dGradient">(
  ({ attributes }, context) => poolingGeometry(context.outputShape, attributes),
  (at, block, shader, geometry, { attributes }, context) => {
    const upstream = shader.input(context.tensor(0));
    block.add("var total = 0.0;");
    eachWindowOf(at, block, geometry, (window) => [
      `total += ${upstream.load(window, 1)} / ${divisor(geometry, attributes, "i", "j")};`,
    ]);
    return "total";
  },
);

/** Declares `winner`: where the largest element of a window is; the first of equals, and a NaN before all others. */
function declareWinner(shader: Shader, geometry: PoolingGeometry, x: Binding): void {
  shader.declare(
    "fn winner(plane: u32, i: u32, j: u32) -> u32 {",
    "var best = 0.0;",
    "var at = 0xffffffffu;",
    ...eachCell(geometry, "plane", "i", "j", [
      `let value = ${x.load("cell", 1)};`,
      `if (at == 0xffffffffu || value > best || ${shader.call("isNan", 1)}(value)) { best = value; at = cell; }`,
    ]),
    "return at;",
    "}",
  );
}

/** Lines that are repeated for each cell of a window that lies in the image; its row-major index is `cell`. */
function eachCell(
  { size, kernel, strides, padding }: PoolingGeometry,
  plane: string,
  i: string,
  j: string,
  lines: readonly string[],
): string[] {
  return [
    `for (var p = 0u; p < ${kernel[0]}u; p++) {`,
    // Above and to the left of the image an unsigned number wraps to a large one.
    `let y = ${times(i, strides[0])} + p - ${padding[0]}u;`,
    `if (y >= ${size[0]}u) { continue; }`,
    `for (var q = 0u; q < ${kernel[1]}u; q++) {`,
    `let x = ${times(j, strides[1])} + q - ${padding[1]}u;`,
    `if (x >= ${size[1]}u) { continue; }`,
    `let cell = (${plane} * ${size[0]}u + y) * ${size[1]}u + x;`,
    ...lines,
    "}",
    "}",
  ];
}

/** Adds lines that are repeated for each window (i, j) that an element is in, in row-major order; `window` is its index. */
function eachWindowOf(
  { plane, line, place }: Place,
  block: Block,
  { output, kernel, strides, padding }: PoolingGeometry,
  lines: (window: string) => readonly string[],
): void {
  const bounds = ([0, 1] as const).map((axis) => {
    const at = block.define("at", plus([line, place][axis], `${padding[axis]}u`));
    // The first window that reaches so far, and the one after the last that begins before.
    const first = block.define(
      "first",
      dividedBy(`(max(${at}, ${kernel[axis] - 1}u) - ${kernel[axis] - 1}u + ${strides[axis] - 1}u)`, strides[axis]),
    );
    const end = block.define("end", `min(${dividedBy(at, strides[axis])} + 1u, ${output[axis]}u)`);
    return { first, end };
  });
  block.add(
    `for (var i = ${bounds[0].first}; i < ${bounds[0].end}; i++) {`,
    `for (var j = ${bounds[1].first}; j < ${bounds[1].end}; j++) {`,
    ...lines(`(${plane} * ${output[0]}u + i) * ${output[1]}u + j`),
    "}",
    "}",
  );
}

/** Cells of the window (i, j) that its sum is divided by. */
function divisor(
  { size, kernel, strides, padding }: PoolingGeometry,
  { countPadding }: OperationAttributes["averagePool2d"],
  i: string,
  j: string,
): string {
  if (countPadding || padding.every((margin) => margin === 0)) return `${kernel[0] * kernel[1]}.0`;
  const [height, width] = ([0, 1] as const).map((axis) => {
    const start = times([i, j][axis], strides[axis]);
    return `(min(${start} + ${kernel[axis]}u, ${size[axis] + padding[axis]}u) - max(${start}, ${padding[axis]}u))`;
  });
  return `f32(${height} * ${width})`;
}
