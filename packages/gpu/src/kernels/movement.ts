// Operations that move values without arithmetic: other positions to read from. Fused like elementwise ones; a reshape of what is
// stored already costs nothing at all.
import { plus, u32 } from "../wgsl/index-arithmetic.ts";
import { widen } from "./elementwise.ts";
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

export const slice: InlineLowering<"slice"> = {
  kind: "inline",
  cost: 1,
  exact: true,
  inPlace: false,
  emit(node, position, reader) {
    const { axis, start } = node.attributes;
    const there = position.slicedFrom(reader.shapeOf(0), axis, -start);
    return there && reader.input(0, there.position);
  },
};

export const pad: InlineLowering<"pad"> = {
  kind: "inline",
  cost: 2,
  exact: true,
  inPlace: false,
  emit(node, position, reader) {
    const { axis, before } = node.attributes;
    const there = position.slicedFrom(reader.shapeOf(0), axis, before);
    if (!there) return undefined;
    const { code, lanes } = reader.input(0, there.position);
    const zero = lanes === 4 ? "vec4f(0.0)" : "0.0";
    return { code: `select(${zero}, ${code}, ${there.inside})`, lanes };
  },
};

/** Reads every part, each at the nearest element that it has, and takes the one that the element lies in. */
export const concatenate: InlineLowering<"concatenate"> = {
  kind: "inline",
  cost: 2,
  exact: true,
  inPlace: false,
  emit(node, position, reader) {
    let start = 0;
    const parts = node.inputs.map((_, i) => {
      const shape = reader.shapeOf(i);
      const there = position.slicedFrom(shape, node.attributes.axis, start);
      start += shape[node.attributes.axis];
      return there && { inside: there.inside, value: reader.input(i, there.position) };
    });
    if (!parts.every((part) => part !== undefined)) return undefined;
    const lanes = parts.some(({ value }) => value.lanes === 4) ? 4 : 1;
    const code = parts
      .map(({ inside, value }) => ({ inside, code: widen(value, lanes) }))
      .reduce((before, { inside, code }) => ({ inside, code: `select(${before.code}, ${code}, ${inside})` })).code;
    return { code, lanes };
  },
};
