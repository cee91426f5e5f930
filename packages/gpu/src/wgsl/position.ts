// Where in a tensor an expression is evaluated: WGSL text for the row-major index and for the coordinates, each made when asked for.
import { broadcastStrides, elementCount, sameShape, stridesOf, type Shape } from "@tabgrad/core";
import { dividedBy, isAtom, minus, modulo, plus, times, u32 } from "./index-arithmetic.ts";

/** How many consecutive elements an expression holds: an f32, or a vec4f of four that lie side by side in row-major order. */
export type Lanes = 1 | 4;

/** Lines of one WGSL block. */
export class Block {
  readonly lines: string[] = [];
  private readonly counter: { next: number };

  /** @param parent the shader or block whose names this one must not repeat */
  constructor(parent?: Block) {
    this.counter = parent?.counter ?? { next: 0 };
  }

  add(...lines: string[]): void {
    this.lines.push(...lines);
  }

  /** Names a value; text that is a name or a number already stays itself. */
  define(prefix: string, code: string): string {
    if (isAtom(code)) return code;
    const name = `${prefix}${this.counter.next++}`;
    this.lines.push(`let ${name} = ${code};`);
    return name;
  }
}

export class Position {
  readonly shape: Shape;
  readonly lanes: Lanes;
  private readonly block: Block;
  private index: string | undefined;
  private axes: readonly string[] | undefined;
  private readonly broadcasts = new Map<string, Position | undefined>();
  private readonly single: Position[] = [];

  /**
   * @param known the row-major index, or one coordinate for each axis, or both. With four lanes it is that of the first one, which
   * is a multiple of four.
   */
  constructor(block: Block, shape: Shape, lanes: Lanes, known: { index?: string; coordinates?: readonly string[] }) {
    this.block = block;
    this.shape = shape;
    this.lanes = lanes;
    this.index = known.index;
    this.axes = known.coordinates;
  }

  /** The row-major index. */
  linear(): string {
    if (this.index === undefined) {
      const strides = stridesOf(this.shape);
      const terms = this.axes!.map((coordinate, axis) => times(coordinate, strides[axis]));
      this.index = this.block.define("i", terms.reduce(plus, u32(0)));
    }
    return this.index;
  }

  coordinates(): readonly string[] {
    if (this.axes === undefined) {
      const strides = stridesOf(this.shape);
      const outermost = this.shape.findIndex((dimension) => dimension !== 1);
      this.axes = this.shape.map((dimension, axis) => {
        if (dimension === 1) return u32(0);
        const quotient = dividedBy(this.linear(), strides[axis]);
        return this.block.define("c", axis === outermost ? quotient : modulo(quotient, dimension));
      });
    }
    return this.axes;
  }

  /** True if all lanes differ in the last coordinate only. */
  get lanesAlongLastAxis(): boolean {
    return this.lanes === 1 || (this.shape.length > 0 && this.shape[this.shape.length - 1] % 4 === 0);
  }

  /** The position of one of the lanes by itself. */
  lane(lane: number): Position {
    return (this.single[lane] ??= new Position(this.block, this.shape, 1, {
      index: this.block.define("i", plus(this.linear(), u32(lane))),
    }));
  }

  /** The same element in another shape of as many elements. */
  reshaped(shape: Shape): Position {
    if (sameShape(shape, this.shape)) return this;
    return new Position(this.block, shape, this.lanes, { index: this.linear() });
  }

  /**
   * The element of a tensor of shape `from` that is repeated to this position; one lane where all lanes read the same element.
   * Undefined where four lanes do not stay side by side.
   */
  broadcastFrom(from: Shape): Position | undefined {
    if (sameShape(from, this.shape)) return this;
    const key = from.join();
    if (!this.broadcasts.has(key)) this.broadcasts.set(key, this.makeBroadcast(from));
    return this.broadcasts.get(key);
  }

  private makeBroadcast(from: Shape): Position | undefined {
    if (elementCount(from) === 1) return new Position(this.block, from, 1, { index: u32(0) });
    if (elementCount(from) === elementCount(this.shape)) return this.reshaped(from);
    const missing = this.shape.length - from.length;
    const strides = broadcastStrides(from, this.shape);
    // What is repeated along the last axes, as a channel's bias is over an image: all four may read the same though lines are cut.
    const repeated = elementCount(this.shape.slice(strides.findLastIndex((stride) => stride !== 0) + 1));
    if (!this.lanesAlongLastAxis && repeated % 4 !== 0) return undefined;
    const coordinates = from.map((_, axis) => (strides[axis + missing] === 0 ? u32(0) : this.coordinates()[axis + missing]));
    const repeatedLast = strides[strides.length - 1] === 0;
    return new Position(this.block, from, repeatedLast ? 1 : this.lanes, { coordinates });
  }

  /**
   * The element of a tensor of shape `from` that a transposition moved here: axis i here is axis permutation[i] there.
   * Undefined where four lanes do not stay side by side.
   */
  permutedFrom(from: Shape, permutation: readonly number[]): Position | undefined {
    const last = permutation.length - 1;
    if (this.lanes === 4 && (!this.lanesAlongLastAxis || permutation[last] !== last)) return undefined;
    const coordinates = from.map((_, axis) => this.coordinates()[permutation.indexOf(axis)]);
    return new Position(this.block, from, this.lanes, { coordinates });
  }

  /**
   * The element of a tensor of shape `from` that lies here once it is moved by `shift` along an axis: the nearest one that there is, and
   * whether it is `inside`. Undefined where four lanes do not stay side by side.
   */
  slicedFrom(from: Shape, axis: number, shift: number): { position: Position; inside: string } | undefined {
    const last = this.shape.length - 1;
    const byFour = this.lanes === 4 && axis === last;
    if (!this.lanesAlongLastAxis || (byFour && (shift % 4 !== 0 || from[last] % 4 !== 0))) return undefined;
    const moved = this.block.define("c", minus(this.coordinates()[axis], shift));
    // What lies before the first element wraps around to a large number.
    const inside = `${moved} < ${from[axis]}u`;
    const within = -shift + this.shape[axis] <= from[axis] && shift <= 0;
    const nearest = within ? moved : this.block.define("c", `min(${moved}, ${from[axis] - (byFour ? 4 : 1)}u)`);
    const coordinates = this.coordinates().map((coordinate, i) => (i === axis ? nearest : coordinate));
    return { position: new Position(this.block, from, this.lanes, { coordinates }), inside };
  }

  /** Without the last axis; undefined where the lanes run along it without staying in one row. */
  withoutLastAxis(): { position: Position; last: string } | undefined {
    if (!this.lanesAlongLastAxis) return undefined;
    const coordinates = this.coordinates();
    const position = new Position(this.block, this.shape.slice(0, -1), 1, { coordinates: coordinates.slice(0, -1) });
    return { position, last: coordinates[coordinates.length - 1] };
  }
}
