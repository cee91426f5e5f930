// Turns a plan into a WebAssembly function: one pass over memory, eight values at a time, intermediate values in locals.
import type { VectorNode, VectorPlan } from "./plan.ts";
import { FunctionWriter, lanes, memoryArgument, type Instruction } from "./wasm.ts";

const valueBytes = 4;
const laneCount = 4;
/** Groups of four values in one turn of the main loop: enough to hide the loop's own instructions. */
const unroll = 2;

const one = 0x3f800000; // 1 as float32
const signBit = 0x80000000;

/** Bytes of i8x16.shuffle that move the upper half down. */
const upperHalf = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];

/** What the loops share: locals by what they hold. */
interface Context {
  readonly plan: VectorPlan;
  readonly writer: FunctionWriter;
  /** Addresses of the current values, i32. */
  readonly pointers: ReadonlyMap<string, number>;
  /** Four lanes of each node's value. */
  readonly values: ReadonlyMap<number, number>;
  readonly zero: number;
  readonly one: number;
  readonly signBit: number;
}

/** A sum's accumulators: a pair of f64x2 for each group of a turn (values 0 and 1, values 2 and 3), and an f64 for the last values. */
interface Accumulators {
  readonly node: number;
  readonly pairs: readonly (readonly [number, number])[];
  readonly rest: number;
}

/**
 * The function's parameters: the number of values, the address of each vector (in the order of `plan.vectors`), each scalar of
 * `plan.boundary` as float32. Its results: the sums, float64, in the order of `plan.sums`.
 */
export function lowerVectorProgram(plan: VectorPlan): FunctionWriter {
  const writer = new FunctionWriter(
    ["i32", ...plan.vectors.map(() => "i32" as const), ...plan.boundary.map(() => "f32" as const)],
    plan.sums.map(() => "f64" as const),
  );
  const [count, firstPointer, firstScalar] = [0, 1, 1 + plan.vectors.length];
  const values = new Map<number, number>();
  plan.boundary.forEach((node, i) => values.set(node, splat(writer, firstScalar + i)));
  for (const node of [...plan.loads.map(([, index]) => index), ...plan.steps]) values.set(node, writer.local("v128"));
  const context: Context = {
    plan,
    writer,
    pointers: new Map(plan.vectors.map((name, i) => [name, firstPointer + i])),
    values,
    zero: writer.local("v128"),
    one: literal(writer, one),
    signBit: literal(writer, signBit),
  };
  const sums = plan.sums.map(([, node]) => accumulators(writer, node));

  const groupBytes = laneCount * valueBytes;
  loop(
    context,
    () => shifted(writer, count, 3),
    unroll * groupBytes,
    () => {
      for (let group = 0; group < unroll; group++) {
        transform(context, "v128.load", "v128.store", group * groupBytes);
        sums.forEach(({ node, pairs }) => accumulate(context, node, pairs[group]));
      }
    },
  );
  loop(
    context,
    () => masked(writer, () => shifted(writer, count, 2), unroll - 1),
    groupBytes,
    () => {
      transform(context, "v128.load", "v128.store", 0);
      sums.forEach(({ node, pairs }) => accumulate(context, node, pairs[0]));
    },
  );
  // The last values go one by one through the same instructions, so that a value's result does not depend on where it stands.
  loop(
    context,
    () => masked(writer, () => writer.get(count), laneCount - 1),
    valueBytes,
    () => {
      transform(context, "v128.load32_splat", "v128.store32_lane", 0);
      sums.forEach(({ node, rest }) => accumulateOne(context, node, rest));
    },
  );
  sums.forEach((sum) => total(writer, sum));
  return writer;
}

function splat(writer: FunctionWriter, scalar: number): number {
  const local = writer.local("v128");
  writer.get(scalar);
  writer.emit("f32x4.splat");
  writer.set(local);
  return local;
}

function literal(writer: FunctionWriter, bits: number): number {
  const local = writer.local("v128");
  writer.emit("v128.const", lanes(bits));
  writer.set(local);
  return local;
}

function shifted(writer: FunctionWriter, local: number, bits: number): void {
  writer.get(local);
  writer.integer(bits);
  writer.emit("i32.shr_u");
}

function masked(writer: FunctionWriter, value: () => void, mask: number): void {
  value();
  writer.integer(mask);
  writer.emit("i32.and");
}

/** Runs `body` as often as `turns` says and moves all pointers on by `bytes` after each turn. */
function loop({ writer, pointers }: Context, turns: () => void, bytes: number, body: () => void): void {
  const left = writer.local("i32");
  turns();
  writer.set(left);
  writer.emit("block");
  writer.get(left);
  writer.emit("i32.eqz");
  writer.emit("br_if", [0]);
  writer.emit("loop");
  body();
  for (const pointer of pointers.values()) {
    writer.get(pointer);
    writer.integer(bytes);
    writer.emit("i32.add");
    writer.set(pointer);
  }
  writer.get(left);
  writer.integer(-1);
  writer.emit("i32.add");
  writer.tee(left);
  writer.emit("br_if", [0]);
  writer.emit("end");
  writer.emit("end");
}

/** All loads, then the arithmetic, then all stores: so an output may be written over any input. */
function transform(
  context: Context,
  load: "v128.load" | "v128.load32_splat",
  store: "v128.store" | "v128.store32_lane",
  offset: number,
): void {
  const { plan, writer, pointers, values } = context;
  // Chunks begin anywhere, so no more than a value's own alignment can be promised.
  const argument = memoryArgument(2, offset);
  for (const [name, node] of plan.loads) {
    writer.get(pointers.get(name)!);
    writer.emit(load, argument);
    writer.set(values.get(node)!);
  }
  for (const index of plan.steps) {
    const node = plan.nodes[index] as VectorNode;
    compute(
      context,
      node,
      node.inputs.map((input) => values.get(input)!),
    );
    writer.set(values.get(index)!);
  }
  for (const [name, node] of plan.stores) {
    writer.get(pointers.get(name)!, values.get(node)!);
    writer.emit(store, store === "v128.store" ? argument : [...argument, 0]);
  }
}

/** Leaves the node's value on the stack; what each operation means stands in graph/operations/. */
function compute({ writer, zero, one, signBit }: Context, { operation }: VectorNode, [a, b, c]: readonly number[]): void {
  const apply = (instruction: Instruction, ...operands: number[]): void => {
    writer.get(...operands);
    writer.emit(instruction);
  };
  /** A comparison gives all bits or none; these are turned into 1 and 0. */
  const indicator = (instruction: Instruction, x: number, y: number): void => {
    apply(instruction, x, y);
    apply("v128.and", one);
  };
  switch (operation) {
    case "add":
      return apply("f32x4.add", a, b);
    case "subtract":
      return apply("f32x4.sub", a, b);
    case "multiply":
      return apply("f32x4.mul", a, b);
    case "divide":
      return apply("f32x4.div", a, b);
    case "negate":
      return apply("f32x4.neg", a);
    case "sqrt":
      return apply("f32x4.sqrt", a);
    case "abs":
      return apply("f32x4.abs", a);
    case "maximum":
      return apply("f32x4.max", a, b);
    case "minimum":
      return apply("f32x4.min", a, b);
    case "greater":
      return indicator("f32x4.gt", a, b);
    case "equal":
      return indicator("f32x4.eq", a, b);
    case "step":
      return indicator("f32x4.gt", a, zero);
    case "relu":
      // a where it is not below 0, so that NaN stays NaN.
      writer.get(a);
      apply("f32x4.lt", a, zero);
      return writer.emit("v128.andnot");
    case "sign":
      // ±1 with the sign of a where a is above or below 0, else a itself: a zero, or NaN.
      apply("v128.and", a, signBit);
      apply("v128.or", one);
      writer.get(a);
      apply("f32x4.lt", a, zero);
      apply("f32x4.gt", a, zero);
      writer.emit("v128.or");
      return writer.emit("v128.bitselect");
    case "select":
      writer.get(b, c);
      apply("f32x4.ne", a, zero);
      return writer.emit("v128.bitselect");
    default:
      operation satisfies never;
  }
}

function accumulators(writer: FunctionWriter, node: number): Accumulators {
  const pair = () => [writer.local("v128"), writer.local("v128")] as const;
  return { node, pairs: Array.from({ length: unroll }, pair), rest: writer.local("f64") };
}

/**
 * A product that is summed is made in float64, where the product of two float32 numbers is exact and cannot overflow: so a sum of
 * squares is finite exactly if all its terms are.
 */
function factors({ plan, values }: Context, index: number): number[] {
  const node = plan.nodes[index];
  return (node.operation === "multiply" ? node.inputs : [index]).map((factor) => values.get(factor)!);
}

function accumulate(context: Context, node: number, [low, high]: readonly [number, number]): void {
  const { writer } = context;
  const terms = factors(context, node);
  for (const [accumulator, upper] of [
    [low, false],
    [high, true],
  ] as const) {
    writer.get(accumulator);
    terms.forEach((term, i) => {
      writer.get(term);
      if (upper) {
        writer.get(term);
        writer.emit("i8x16.shuffle", upperHalf);
      }
      writer.emit("f64x2.promote_low_f32x4");
      if (i > 0) writer.emit("f64x2.mul");
    });
    writer.emit("f64x2.add");
    writer.set(accumulator);
  }
}

function accumulateOne(context: Context, node: number, rest: number): void {
  const { writer } = context;
  writer.get(rest);
  factors(context, node).forEach((term, i) => {
    writer.get(term);
    writer.emit("f32x4.extract_lane", [0]);
    writer.emit("f64.promote_f32");
    if (i > 0) writer.emit("f64.mul");
  });
  writer.emit("f64.add");
  writer.set(rest);
}

/** Leaves the sum on the stack. */
function total(writer: FunctionWriter, { pairs, rest }: Accumulators): void {
  writer.get(rest);
  for (const pair of pairs.flat()) {
    for (const lane of [0, 1]) {
      writer.get(pair);
      writer.emit("f64x2.extract_lane", [lane]);
      writer.emit("f64.add");
    }
  }
}
