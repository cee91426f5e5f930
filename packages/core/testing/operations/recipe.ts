// What a random case is made from: operands, what their numbers are, and what is done with them.
import fc from "fast-check";
import { elementCount, type Shape, type Value } from "../../src/graph/index.ts";

/** Ranges that stay clear of poles and kinks by more than a finite difference reaches. */
const domains = {
  any: fc.double({ min: -2, max: 2, noNaN: true }),
  positive: fc.double({ min: 0.3, max: 3, noNaN: true }),
  awayFromZero: fc.tuple(fc.boolean(), fc.double({ min: 0.1, max: 2, noNaN: true })).map(([minus, size]) => (minus ? -size : size)),
} satisfies Record<string, fc.Arbitrary<number>>;
export type Domain = keyof typeof domains | "distinct" | "index";

export interface Operand {
  readonly shape: Shape;
  readonly domain: Domain;
}

export interface Recipe {
  readonly operands: readonly Operand[];
  build(operands: Value[]): Value;
}

export const dimension = fc.integer({ min: 1, max: 5 });
export const anyShape = fc.array(dimension, { minLength: 0, maxLength: 4 });
export const someShape = fc.array(dimension, { minLength: 1, maxLength: 4 });

/** A shape and one of its axes; multiples of four more often than chance has it, since engines take those by four. */
export const someAxis = fc
  .array(fc.oneof(dimension, fc.constantFrom(4, 8)), { minLength: 1, maxLength: 4 })
  .filter((shape) => elementCount(shape) <= 128)
  .chain((shape) => fc.tuple(fc.constant<Shape>(shape), fc.nat({ max: shape.length - 1 })));

/** A pair of shapes that broadcast, in either direction. */
export const broadcastPair = anyShape
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc
        .nat({ max: shape.length })
        .chain((skip) => fc.tuple(...shape.slice(skip).map((size) => fc.constantFrom(size, 1))).map((narrow): Shape => narrow)),
      fc.boolean(),
    ),
  )
  .map(([wide, narrow, swap]): [Shape, Shape] => (swap ? [narrow, wide] : [wide, narrow]));

export const pair = (least: number, most: number): fc.Arbitrary<[number, number]> =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }));

/** Height and width. */
export const lastTwo = (shape: Shape): [number, number] => [shape[2], shape[3]];

export const anyOf = (shape: Shape): Operand => ({ shape, domain: "any" });
export const distinctOf = (shape: Shape): Operand => ({ shape, domain: "distinct" });

/** The numbers of an operand. */
export function operandValues({ shape, domain }: Operand): fc.Arbitrary<number[]> {
  const length = elementCount(shape);
  // No two within the reach of a finite difference, and none near the "positive" operand it is compared with.
  if (domain === "distinct")
    return fc.shuffledSubarray(
      Array.from({ length }, (_, i) => -0.5 - 0.05 * i),
      { minLength: length },
    );
  if (domain === "index") return fc.array(fc.integer({ min: -1, max: 5 }), { minLength: length, maxLength: length });
  return fc.array(domains[domain], { minLength: length, maxLength: length });
}

/** Random recipes, by the name of the operation. */
export type Recipes = Readonly<Record<string, () => fc.Arbitrary<Recipe>>>;
