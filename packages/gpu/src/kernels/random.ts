// Random numbers, computed where they are used: the generator is integer arithmetic, so that they have the bits that every engine gives.
import { elementCount } from "@tabgrad/core";
import { dividedBy, modulo, u32 } from "../wgsl/index-arithmetic.ts";
import { Position } from "../wgsl/position.ts";
import type { InlineLowering } from "./lowering.ts";

export const uniform: InlineLowering<"uniform"> = {
  kind: "inline",
  // Two blocks of twenty rounds: to be stored, if it is read more than once.
  cost: 200,
  exact: true,
  inPlace: false,
  emit({ attributes: { shape, stream } }, position, reader) {
    if (position.lanes === 4) return undefined;
    const elements = elementCount(shape);
    const row = reader.block.define("c", dividedBy(position.linear(), elements));
    const element = reader.block.define("c", modulo(position.linear(), elements));
    const halves = [0, 1, 2, 3].map(
      (half) => reader.input(0, new Position(reader.block, reader.shapeOf(0), 1, { coordinates: [row, u32(half)] })).code,
    );
    return { code: `${reader.shader.uniform()}(vec4f(${halves.join(", ")}), ${u32(stream)}, ${element})`, lanes: 1 };
  },
};
