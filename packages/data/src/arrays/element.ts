// The numbers that binary formats store, and as what they go into shards: bytes as bytes, other whole numbers as int32, the rest as
// float32.
import type { FieldStorage, FieldValues } from "@tabgrad/core";

export interface ElementType {
  /** What its format calls it. */
  readonly name: string;
  readonly bytes: number;
  readonly storage: FieldStorage;
  /** The values in `bytes`; not copied where they are stored as they come. `bytes` has to begin a buffer of its own. */
  decode(bytes: Uint8Array<ArrayBuffer>): FieldValues;
}

export type ElementKind = "unsigned" | "signed" | "float" | "boolean";

interface Encoding {
  readonly storage: FieldStorage;
  readonly at: (view: DataView, offset: number, littleEndian: boolean) => number;
}

/**
 * IEEE 754 binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. Without an exponent the value is fraction × 2^-24; with the
 * greatest one it is infinite or no number.
 */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** What an int32 cannot hold must not be taken for another number: NaN becomes 0 in an Int32Array, so the caller is told by this. */
export class IntegerRangeError extends RangeError {
  readonly index: number;
  readonly value: number;
  constructor(index: number, value: number) {
    super(`the value ${value} at ${index} is no int32`);
    this.index = index;
    this.value = value;
  }
}

const encodings: Readonly<Record<string, Encoding>> = {
  boolean1: { storage: "uint8", at: (view, offset) => Number(view.getUint8(offset) !== 0) },
  unsigned1: { storage: "uint8", at: (view, offset) => view.getUint8(offset) },
  signed1: { storage: "int32", at: (view, offset) => view.getInt8(offset) },
  unsigned2: { storage: "int32", at: (view, offset, little) => view.getUint16(offset, little) },
  signed2: { storage: "int32", at: (view, offset, little) => view.getInt16(offset, little) },
  unsigned4: { storage: "int32", at: (view, offset, little) => view.getUint32(offset, little) },
  signed4: { storage: "int32", at: (view, offset, little) => view.getInt32(offset, little) },
  unsigned8: { storage: "int32", at: (view, offset, little) => Number(view.getBigUint64(offset, little)) },
  signed8: { storage: "int32", at: (view, offset, little) => Number(view.getBigInt64(offset, little)) },
  float2: { storage: "float32", at: (view, offset, little) => half(view.getUint16(offset, little)) },
  float4: { storage: "float32", at: (view, offset, little) => view.getFloat32(offset, little) },
  float8: { storage: "float32", at: (view, offset, little) => view.getFloat64(offset, little) },
};

const make: Readonly<Record<FieldStorage, (count: number) => FieldValues>> = {
  uint8: (count) => new Uint8Array(count),
  int32: (count) => new Int32Array(count),
  float32: (count) => new Float32Array(count),
};

/** Those that need no conversion on a little-endian machine, which is every machine that runs Node. */
function asTheyAre(kind: ElementKind, bytes: number, littleEndian: boolean): ElementType["decode"] | undefined {
  if (kind === "unsigned" && bytes === 1) return (raw) => raw;
  if (!littleEndian || bytes !== 4) return undefined;
  if (kind === "float") return (raw) => new Float32Array(raw.buffer, raw.byteOffset, raw.length / 4);
  return kind === "signed" ? (raw) => new Int32Array(raw.buffer, raw.byteOffset, raw.length / 4) : undefined;
}

/** The type of `bytes` bytes each; undefined where there is no such type, or none that is read here. */
export function elementType(name: string, kind: ElementKind, bytes: number, littleEndian: boolean): ElementType | undefined {
  const encoding = Object.hasOwn(encodings, `${kind}${bytes}`) ? encodings[`${kind}${bytes}`] : undefined;
  if (!encoding) return undefined;
  const { storage, at } = encoding;
  const mayOverflow = storage === "int32" && (bytes === 8 || (bytes === 4 && kind === "unsigned"));
  const convert = (raw: Uint8Array): FieldValues => {
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const count = raw.length / bytes;
    const values = make[storage](count);
    for (let i = 0; i < count; i += 1) {
      const value = at(view, i * bytes, littleEndian);
      if (mayOverflow && value !== (value | 0)) throw new IntegerRangeError(i, value);
      values[i] = value;
    }
    return values;
  };
  return { name, bytes, storage, decode: asTheyAre(kind, bytes, littleEndian) ?? convert };
}
