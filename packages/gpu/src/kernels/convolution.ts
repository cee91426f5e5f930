// Convolution and its gradients as tiled products (implicit GEMM): the matrix of all windows is never made, but read out of the images
// tap by tap. Chetlur et al. 2014, "cuDNN: Efficient Primitives for Deep Learning", https://arxiv.org/abs/1410.0759
// Rows and columns of the three products, for each group:
//   result        [outputs, pixels after]   = filters [outputs, taps]        · windows [taps, pixels after]
//   input gradient [inputs, pixels before]  = filters [inputs, outputs' taps] · spread windows [outputs' taps, pixels before]
//   filter gradient [outputs, taps]         = upstream [outputs, pixels after] · windows [taps, pixels after]ᵀ
import { convolutionGeometry, type ConvolutionGeometry } from "@tabgrad/core";
import { dividedBy, modulo, plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block } from "../wgsl/position.ts";
import type { Shader } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering } from "./lowering.ts";
import { matrix } from "./matmul.ts";
import { tiledProduct, type Operand, type Product } from "./tiled-product.ts";

export const conv2d: AnchorLowering<"conv2d"> = {
  kind: "anchor",
  operands: "memory",
  lower({ attributes }, context) {
    const geometry = convolutionGeometry(context.shapeOf(0), context.shapeOf(1), attributes);
    const { groups, outputs: m } = geometry;
    const k = tapsOf(geometry);
    const a = matrix(context, 1, { batch: [groups], rows: m, columns: k, alongK: true });
    const b = windows(geometry, context, 0, false);
    return tiledProduct(
      { batch: [groups], m, n: b.columns, k, a, b, ...images(geometry, geometry.outputs, geometry.output) },
      context,
    );
  },
};

export const conv2dInputGradient: AnchorLowering<"conv2dInputGradient"> = {
  kind: "anchor",
  operands: "memory",
  lower({ attributes }, context) {
    const geometry = convolutionGeometry(context.outputShape, context.shapeOf(1), attributes);
    const a = turnedFilters(geometry, context);
    const b = spreadWindows(geometry, context);
    const { groups, inputs: m, size } = geometry;
    return tiledProduct({ batch: [groups], m, n: b.columns, k: a.columns, a, b, ...images(geometry, m, size) }, context);
  },
};

export const conv2dFilterGradient: AnchorLowering<"conv2dFilterGradient"> = {
  kind: "anchor",
  operands: "memory",
  lower({ attributes }, context) {
    const geometry = convolutionGeometry(context.shapeOf(0), context.outputShape, attributes);
    const { groups, outputs: m } = geometry;
    const n = tapsOf(geometry);
    const a = channels(geometry, context);
    const b = windows(geometry, context, 0, true);
    return tiledProduct(
      {
        ...{ batch: [groups], m, n, k: a.columns, a, b, lanes: n % 4 === 0 ? 4 : 1 },
        place: (block, group, row, column) => ({ index: block.define("i", plus(times(plus(times(group, m), row), n), column)) }),
      },
      context,
    );
  },
};

const area = ([height, width]: readonly [number, number]): number => height * width;

/** Of one filter. */
const tapsOf = ({ inputs, kernel }: ConvolutionGeometry): number => inputs * area(kernel);

/** Results that are images: row = channel of the group, column = pixel of all images. */
function images(
  { groups }: ConvolutionGeometry,
  perGroup: number,
  size: readonly [number, number],
): Pick<Product, "lanes" | "place"> {
  const pixels = area(size);
  return {
    lanes: pixels % 4 === 0 ? 4 : 1,
    place(block, group, row, column) {
      const image = block.define("image", dividedBy(column, pixels));
      const channel = block.define("channel", plus(times(group, perGroup), row));
      const pixel = block.define("pixel", modulo(column, pixels));
      const index = block.define("i", `(${image} * ${groups * perGroup}u + ${channel}) * ${pixels}u + ${pixel}`);
      return { index };
    },
  };
}

/** Where a row of windows is: channel of the group, and tap. */
function tapAt(block: Block, row: string, kernel: readonly [number, number]): { channel: string; p: string; q: string } {
  return {
    channel: block.define("channel", dividedBy(row, area(kernel))),
    p: block.define("p", modulo(dividedBy(row, kernel[1]), kernel[0])),
    q: block.define("q", modulo(row, kernel[1])),
  };
}

/** Where a column of windows is: image, line and place in the line. */
function pixelAt(
  block: Block,
  column: string,
  [height, width]: readonly [number, number],
): { image: string; i: string; j: string } {
  return {
    image: block.define("image", dividedBy(column, height * width)),
    i: block.define("line", modulo(dividedBy(column, width), height)),
    j: block.define("place", modulo(column, width)),
  };
}

/** Row (channel, p, q), column (image, i, j): what the tap sees there, and 0 outside the image. */
function windows(geometry: ConvolutionGeometry, context: AnchorContext, input: number, alongK: boolean): Operand {
  const { rows: count, groups, inputs, size, kernel, output, strides, padding, dilations } = geometry;
  const rows = tapsOf(geometry);
  const columns = count * area(output);
  const read = (shader: Shader): string[] => {
    const binding = shader.input(context.tensor(input));
    const block = new Block();
    const { channel, p, q } = tapAt(block, "row", kernel);
    const top = block.define("top", times(p, dilations[0]));
    const left = block.define("left", times(q, dilations[1]));
    return fourPixels(rows, columns, block, output, (inner, { image, i, j }) => {
      // Above and to the left of the image an unsigned number wraps to a large one.
      const y = inner.define("y", minus(plus(times(i, strides[0]), top), padding[0]));
      const x = inner.define("x", minus(plus(times(j, strides[1]), left), padding[1]));
      const plane = plus(times(image, groups * inputs), channel);
      const index = `base + ((${plane}) * ${size[0]}u + ${y}) * ${size[1]}u + ${x}`;
      return { inside: `${y} < ${size[0]}u && ${x} < ${size[1]}u`, value: binding.load(index, 1) };
    });
  };
  return { batch: [groups], rows, columns, alongK, stride: inputs * area(size), read };
}

/** Row (output of the group, p, q), column (image, y, x): what came back through the tap from there, and 0 where no window stood so. */
function spreadWindows(geometry: ConvolutionGeometry, context: AnchorContext): Operand {
  const { rows: count, groups, outputs, size, kernel, output, strides, padding, dilations } = geometry;
  const rows = outputs * area(kernel);
  const columns = count * area(size);
  const read = (shader: Shader): string[] => {
    const binding = shader.input(context.tensor(0));
    const block = new Block();
    const { channel, p, q } = tapAt(block, "row", kernel);
    const top = block.define("top", times(p, dilations[0]));
    const left = block.define("left", times(q, dilations[1]));
    return fourPixels(rows, columns, block, size, (inner, { image, i: y, j: x }) => {
      const down = inner.define("down", minus(plus(y, u32(padding[0])), top));
      const right = inner.define("right", minus(plus(x, u32(padding[1])), left));
      const i = inner.define("i", dividedBy(down, strides[0]));
      const j = inner.define("j", dividedBy(right, strides[1]));
      const plane = plus(times(image, groups * outputs), channel);
      const index = `base + ((${plane}) * ${output[0]}u + ${i}) * ${output[1]}u + ${j}`;
      const onGrid = [
        ...(strides[0] === 1 ? [] : [`${modulo(down, strides[0])} == 0u`]),
        ...(strides[1] === 1 ? [] : [`${modulo(right, strides[1])} == 0u`]),
      ];
      return { inside: [`${i} < ${output[0]}u`, `${j} < ${output[1]}u`, ...onGrid].join(" && "), value: binding.load(index, 1) };
    });
  };
  return { batch: [groups], rows, columns, alongK: false, stride: outputs * area(output), read };
}

/** The lines that read four columns of a row, each by itself. */
function fourPixels(
  rows: number,
  columns: number,
  block: Block,
  size: readonly [number, number],
  at: (inner: Block, pixel: { image: string; i: string; j: string }) => { inside: string; value: string },
): string[] {
  const lanes = [0, 1, 2, 3].map((lane) => {
    const inner = new Block(block);
    const column = inner.define("at", plus("column", u32(lane)));
    const { inside, value } = at(inner, pixelAt(inner, column, size));
    const lines = [...inner.lines, `if (${inside}) { result.${"xyzw"[lane]} = ${value}; }`];
    // Whole fours of columns begin inside or outside together.
    return lane === 0 || columns % 4 === 0 ? ["{", ...lines, "}"] : [`if (column + ${lane}u < ${columns}u) {`, ...lines, "}"];
  });
  return [
    "var result = vec4f();",
    `if (row >= ${rows}u || column >= ${columns}u) { return result; }`,
    ...block.lines,
    ...lanes.flat(),
    "return result;",
  ];
}

/** Row (input of the group), column (output of the group, p, q). */
function turnedFilters({ groups, inputs, outputs, kernel }: ConvolutionGeometry, context: AnchorContext): Operand {
  const taps = area(kernel);
  const columns = outputs * taps;
  const read = (shader: Shader): string[] => {
    const binding = shader.input(context.tensor(1));
    const lanes = [0, 1, 2, 3].map((lane) => {
      const column = plus("column", u32(lane));
      const index = `base + (${times(dividedBy(column, taps), inputs)} + row) * ${taps}u + ${modulo(column, taps)}`;
      return `if (${column} < ${columns}u) { result.${"xyzw"[lane]} = ${binding.load(index, 1)}; }`;
    });
    return ["var result = vec4f();", `if (row >= ${inputs}u) { return result; }`, ...lanes, "return result;"];
  };
  return { batch: [groups], rows: inputs, columns, alongK: true, stride: outputs * inputs * taps, read };
}

/** Row (output of the group), column (image, pixel): the images after, with all their pixels side by side. */
function channels({ rows: count, groups, outputs, output }: ConvolutionGeometry, context: AnchorContext): Operand {
  const pixels = area(output);
  const columns = count * pixels;
  const read = (shader: Shader): string[] => {
    const binding = shader.input(context.tensor(1));
    const index = (column: string): string =>
      `base + (${times(dividedBy(column, pixels), groups * outputs)} + row) * ${pixels}u + ${modulo(column, pixels)}`;
    if (pixels % 4 === 0)
      return [
        `if (row >= ${outputs}u || column >= ${columns}u) { return vec4f(); }`,
        `return ${binding.load(index("column"), 4)};`,
      ];
    const lanes = [0, 1, 2, 3].map((lane) => {
      const column = plus("column", u32(lane));
      return `if (${column} < ${columns}u) { result.${"xyzw"[lane]} = ${binding.load(index(`(${column})`), 1)}; }`;
    });
    return ["var result = vec4f();", `if (row >= ${outputs}u) { return result; }`, ...lanes, "return result;"];
  };
  return { batch: [groups], rows: outputs, columns, alongK: true, stride: outputs * pixels, read };
}

const minus = (a: string, b: number | string): string =>
  b === 0 || b === "0u" ? a : `${a} - ${typeof b === "number" ? u32(b) : b}`;
