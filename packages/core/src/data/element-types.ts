// The element types of files of weights, by the names that safetensors gives them, and how each becomes float32, the only one that
// parameters have here.

export interface ElementType {
  /** Of one value. */
  readonly bytes: number;
  /** The value at a byte offset, little-endian. */
  readonly read: (view: DataView, offset: number) => number;
}

/** IEEE 754 binary16: 5 bits of exponent, bias 15, 10 bits of fraction. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Four bits of exponent, bias 7, and no infinity: Micikevicius et al. 2022, https://arxiv.org/abs/2209.05433 */
function float8E4M3(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = bits & 0x7;
  if (exponent === 0xf && fraction === 0x7) return NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (1 + fraction / 8) * 2 ** (exponent - 7);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function bfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** https://huggingface.co/docs/safetensors */
export const elementTypes: Readonly<Record<string, ElementType>> = {
  BOOL: { bytes: 1, read: (view, at) => (view.getUint8(at) === 0 ? 0 : 1) },
  U8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  I8: { bytes: 1, read: (view, at) => view.getInt8(at) },
  U16: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  I16: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  U32: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  I32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  U64: { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  I64: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  F8_E4M3: { bytes: 1, read: (view, at) => float8E4M3(view.getUint8(at)) },
  // The upper half of a float16.
  F8_E5M2: { bytes: 1, read: (view, at) => float16(view.getUint8(at) << 8) },
  F16: { bytes: 2, read: (view, at) => float16(view.getUint16(at, true)) },
  BF16: { bytes: 2, read: (view, at) => bfloat16(view.getUint16(at, true)) },
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

/** All values of a tensor, rounded to float32. */
export function toFloat32(bytes: Uint8Array, type: string): Float32Array<ArrayBuffer> {
  // The bytes may begin anywhere: copy them to where a Float32Array can. (A Buffer's own `slice` would not copy.)
  if (type === "F32") return new Float32Array(Uint8Array.from(bytes).buffer);
  const { bytes: size, read } = elementTypes[type];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / size }, (_, i) => read(view, i * size));
}
