// Operations that move values without arithmetic: other positions to read from. Fused like elementwise ones; a reshape of what is
// stored already costs nothing at all.
import { u32, plus } from "../wgsl/index-arithmetic.ts";
import type { InlineLowering } from "./lowering.ts";

export const reshape: InlineLowering<"reshape"> = {
  kind: "inline",
  cost: 0,
  exact: true,
  inPlace: true,
  emit: (_, position, reader) => reader.input(0, position.reshaped(reader.shapeOf(0))),
};

export const transpose: InlineLowering<"transpose"> = {
  kind: "inline",
  cost: 0,
  exact: true,
  inPlace: false,
  emit(node, position, reader) {
    const there = position.permutedFrom(reader.shapeOf(0), node.attributes.permutation);
    return there && reader.input(0, there);
  },
};

export const broadcastTo: InlineLowering<"broadcastTo"> = {
  kind: "inline",
  cost: 0,
  exact: true,
  inPlace: true,
  emit(_, position, reader) {
    const there = position.broadcastFrom(reader.shapeOf(0));
    return there && reader.input(0, there);
  },
};

export const oneHot: InlineLowering<"oneHot"> = {
  kind: "inline",
  cost: 1,
  exact: true,
  inPlace: false,
  emit(_, position, reader) {
    const split = position.withoutLastAxis();
    if (!split) return undefined;
    const index = reader.input(0, split.position).code;
    if (position.lanes === 1) return { code: `select(0.0, 1.0, ${index} == f32(${split.last}))`, lanes: 1 };
    const code = [0, 1, 2, 3].map((lane) => `f32(${plus(split.last, u32(lane))})`).join(", ");
    return { code: `select(vec4f(0.0), vec4f(1.0), vec4f(${index}) == vec4f(${code}))`, lanes: 4 };
  },
};
