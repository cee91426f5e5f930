// The IDX format of MNIST: two zero bytes, the type of the values, the rank, one big-endian size for each dimension, the values.
// Y. LeCun, C. Cortes, C. Burges: "The MNIST database of handwritten digits".
import { type FieldValues, TabgradError } from "@tabgrad/core";
import { type DataFile, looksLike } from "./file.ts";

interface ElementType {
  readonly name: string;
  readonly bytes: number;
  /** Reads `count` values from `bytes`, without copying where the format allows. */
  read(bytes: Uint8Array, count: number): FieldValues;
}

function reader<Values extends FieldValues>(
  make: (count: number) => Values,
  size: number,
  at: (view: DataView, offset: number) => number,
): ElementType["read"] {
  return (bytes, count) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = make(count);
    for (let i = 0; i < count; i += 1) values[i] = at(view, i * size);
    return values;
  };
}

const ints = (count: number): Int32Array => new Int32Array(count);
const floats = (count: number): Float32Array => new Float32Array(count);

/** By the third byte of a file. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  0x08: { name: "unsigned byte", bytes: 1, read: (bytes, count) => new Uint8Array(bytes.buffer, bytes.byteOffset, count) },
  0x09: { name: "signed byte", bytes: 1, read: reader(ints, 1, (view, offset) => view.getInt8(offset)) },
  0x0b: { name: "short", bytes: 2, read: reader(ints, 2, (view, offset) => view.getInt16(offset)) },
  0x0c: { name: "int", bytes: 4, read: reader(ints, 4, (view, offset) => view.getInt32(offset)) },
  0x0d: { name: "float", bytes: 4, read: reader(floats, 4, (view, offset) => view.getFloat32(offset)) },
  0x0e: { name: "double", bytes: 8, read: reader(floats, 8, (view, offset) => view.getFloat64(offset)) },
};

/** What an IDX file holds. */
export interface IdxArray {
  readonly path: string;
  /** The dimensions; the first one counts the samples. */
  readonly shape: readonly number[];
  /** The name of the type in the file. */
  readonly type: string;
  /** Row-major. Whole numbers of more than a byte become int32, a double becomes float32. */
  readonly values: FieldValues;
  /** "byte offset 16", for the value at `index`. */
  place(index: number): string;
}

const again = "The file is damaged or not what its name says: fetch it again, and compare its size with that of the source.";

function invalid(file: DataFile, message: string, remedy = again): TabgradError {
  return new TabgradError("DATA_IDX_INVALID", `${file.path}${file.unpacked ? " (unpacked)" : ""} ${message}`, remedy);
}

const hex = (value: number): string => `0x${value.toString(16).padStart(2, "0")}`;

/** Type and shape, checked on their own. */
function parseHeader(file: DataFile): { type: ElementType; shape: number[] } {
  const { bytes } = file;
  if (bytes.length < 4) throw invalid(file, `has ${bytes.length} bytes; an IDX file begins with 4: 0, 0, type, rank`);
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    throw invalid(
      file,
      `is no IDX file: it begins with the bytes ${hex(bytes[0])} ${hex(bytes[1])}, expected 0x00 0x00 (byte offset 0)${looksLike(bytes)}`,
      "Check that the path names an IDX file, as it is or gzipped.",
    );
  }
  const type = elementTypes[bytes[2]];
  if (!type) {
    const known = Object.entries(elementTypes).map(([code, { name }]) => `${hex(Number(code))} ${name}`);
    throw invalid(file, `has the element type ${hex(bytes[2])} (byte offset 2); expected ${known.join(", ")}`);
  }
  const rank = bytes[3];
  const header = 4 + 4 * rank;
  if (rank === 0) throw invalid(file, "has rank 0 (byte offset 3), a single value; expected one dimension at least, the samples");
  if (bytes.length < header)
    throw invalid(file, `is truncated: a header of rank ${rank} has ${header} bytes, the file ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, d) => view.getUint32(4 + 4 * d));
  const empty = shape.indexOf(0);
  if (empty >= 0)
    throw invalid(file, `has the shape [${shape.join(", ")}]: dimension ${empty} is 0 (byte offset ${4 + 4 * empty})`);
  return { type, shape };
}

/**
 * Reads the bytes of an IDX file.
 * @throws TabgradError DATA_IDX_INVALID where the header is wrong or the length is not the header's.
 */
export function parseIdx(file: DataFile): IdxArray {
  const { bytes, path } = file;
  const { type, shape } = parseHeader(file);
  const header = 4 + 4 * shape.length;
  const count = shape.reduce((product, size) => product * size, 1);
  const expected = header + count * type.bytes;
  const says = `its header says ${shape.join(" × ")} values of type ${type.name}, ${expected} bytes in all`;
  if (bytes.length < expected) {
    const sample = Math.floor((bytes.length - header) / ((count / shape[0]) * type.bytes));
    throw invalid(file, `is truncated: ${says}; it has ${bytes.length} and ends within sample ${sample} (counted from 0)`);
  }
  if (bytes.length > expected) {
    throw invalid(
      file,
      `is too long: ${says}; it has ${bytes.length}, ${bytes.length - expected} more from byte offset ${expected} on`,
    );
  }
  return {
    path,
    shape,
    type: type.name,
    values: type.read(bytes.subarray(header), count),
    place: (index) => `byte offset ${header + index * type.bytes}${file.unpacked ? " unpacked" : ""}`,
  };
}
