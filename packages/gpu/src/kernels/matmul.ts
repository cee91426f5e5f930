// Matrix multiplication, batched and with transposes, as a tiled product: whatever the flags, nothing is transposed in memory.
import { elementCount, matmulDimensions, type Shape } from "@tabgrad/core";
import { plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import type { Shader } from "../wgsl/shader.ts";
import type { AnchorContext, AnchorLowering } from "./lowering.ts";
import { tiledProduct, type Operand, type Reach } from "./tiled-product.ts";

export const matmul: AnchorLowering<"matmul"> = {
  kind: "anchor",
  operands: "memory",
  lower({ attributes: { transposeA, transposeB } }, context) {
    const shapes = [context.shapeOf(0), context.shapeOf(1)] as const;
    const dimensions = matmulDimensions(shapes[0], shapes[1], { transposeA, transposeB });
    // One matrix on the right for all on the left: the left ones are one tall matrix.
    const tall = elementCount(shapes[1].slice(0, -2)) === 1 && !transposeA;
    const batch = tall ? [] : dimensions.batch;
    const m = tall ? dimensions.m * elementCount(dimensions.batch) : dimensions.m;
    const { n, k } = dimensions;
    const a = matrix(context, 0, { batch: tall ? [] : shapes[0].slice(0, -2), ...sides(m, k, transposeA) });
    const b = matrix(context, 1, { batch: tall ? [] : shapes[1].slice(0, -2), ...sides(n, k, !transposeB) });
    const flat = batch.length === 0 && context.outputShape.length === 2;
    const product = { batch, m, n, k, a, b, lanes: n % 4 === 0 ? 4 : 1 } as const;
    return tiledProduct(
      {
        ...product,
        place: (block, index, row, column) => ({
          index: block.define("i", plus(times(plus(times(index, m), row), n), column)),
          coordinates: flat ? [row, column] : undefined,
        }),
      },
      context,
    );
  },
};

/** @param outer the dimension that is not summed over */
const sides = (outer: number, k: number, kFirst: boolean): { rows: number; columns: number; alongK: boolean } =>
  kFirst ? { rows: k, columns: outer, alongK: false } : { rows: outer, columns: k, alongK: true };

/** An operand that lies in memory as it is, row by row. */
export function matrix(
  context: AnchorContext,
  input: number,
  { batch, rows, columns, alongK }: { batch: Shape; rows: number; columns: number; alongK: boolean },
): Operand {
  const read = (shader: Shader, reach: Reach): string[] => {
    const binding = shader.input(context.tensor(input));
    const rowCheck = rows % reach.rows === 0 ? [] : [`row >= ${rows}u`];
    const index = `base + ${times("row", columns)} + column`;
    if (columns % 4 === 0) {
      const checks = [...rowCheck, ...(columns % reach.columns === 0 ? [] : [`column >= ${columns}u`])];
      const guard = checks.length > 0 ? [`if (${checks.join(" || ")}) { return vec4f(); }`] : [];
      return [...guard, `return ${binding.load(index, 4)};`];
    }
    const lines = [0, 1, 2, 3].map((lane) => {
      const load = `result.${"xyzw"[lane]} = ${binding.load(plus("index", u32(lane)), 1)};`;
      return `if (${plus("column", u32(lane))} < ${columns}u) { ${load} }`;
    });
    const guard = rowCheck.length > 0 ? [`if (${rowCheck[0]}) { return result; }`] : [];
    return ["var result = vec4f();", ...guard, `let index = ${index};`, ...lines, "return result;"];
  };
  return { batch, rows, columns, alongK, stride: rows * columns, read };
}
