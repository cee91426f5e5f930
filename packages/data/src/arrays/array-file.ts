// An array in a file, read from its first sample to its last without holding all of it.
import type { ErrorCode, FieldStorage, FieldValues } from "@tabgrad/core";
import { TabgradError } from "@tabgrad/core";
import type { ByteReader } from "../files/byte-reader.ts";
import { blockSamples } from "../samples.ts";
import { type ElementType, IntegerRangeError } from "./element.ts";

export interface ArrayFile {
  /** The file, and which array in it, for messages. */
  readonly name: string;
  /** The dimensions; the first one counts the samples. */
  readonly shape: readonly number[];
  /** The name of the type in the file. */
  readonly type: string;
  readonly storage: FieldStorage;
  /** The values of whole samples from number `from` on, row-major, a block at a time. */
  blocks(from: number): AsyncIterable<FieldValues>;
  /** Where in the file the value at `index` is: "byte offset 16". */
  place(index: number): string;
  invalid(message: string, remedy: string): TabgradError;
}

/** Where an array lies, and how to get at it. */
export interface ArrayLayout {
  readonly name: string;
  readonly code: ErrorCode;
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** Bytes before the first value. */
  readonly offset: number;
  readonly unpacked: boolean;
  /** Fortran order: the first dimension varies fastest. */
  readonly columnMajor?: boolean;
  /** A reader at the first byte. */
  open(): Promise<ByteReader>;
}

const again = "The file is damaged or not what its name says: fetch it again, and compare its size with that of the source.";

export const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);

/** The array that a layout describes. Truncation shows where its size is known at once, and otherwise when its end is read. */
export function arrayFile(layout: ArrayLayout): ArrayFile {
  const { name, code, shape, type, offset, unpacked } = layout;
  const invalid = (message: string, remedy = again): TabgradError =>
    new TabgradError(code, `${name}${unpacked ? " (unpacked)" : ""} ${message}`, remedy);
  const place = (index: number): string => `byte offset ${offset + index * type.bytes}${unpacked ? " unpacked" : ""}`;
  const decode = (bytes: Uint8Array<ArrayBuffer>, first: number): FieldValues => {
    try {
      return type.decode(bytes);
    } catch (error) {
      if (!(error instanceof IntegerRangeError)) throw error;
      const where = place(first + error.index);
      throw invalid(
        `has the value ${error.value} (${where}); expected whole numbers from -2147483648 to 2147483647`,
        "Store it as a float.",
      );
    }
  };
  const each = product(shape.slice(1));

  async function* rows(from: number): AsyncGenerator<FieldValues> {
    const reader = await layout.open();
    try {
      await reader.skip(offset + from * each * type.bytes);
      const length = blockSamples(each * type.bytes);
      for (let sample = from; sample < shape[0]; sample += length) {
        const wanted = Math.min(length, shape[0] - sample) * each * type.bytes;
        const bytes = await reader.read(wanted);
        if (bytes.length < wanted) throw truncated(offset + sample * each * type.bytes + bytes.length, layout, invalid);
        yield decode(bytes, sample * each);
      }
      const left = await reader.countRest();
      if (left > 0) throw tooLong(expectedBytes(layout) + left, layout, invalid);
    } finally {
      await reader.close();
    }
  }

  /** All samples lie across the whole file, so all of it is read at once. */
  async function* columns(from: number): AsyncGenerator<FieldValues> {
    const reader = await layout.open();
    try {
      await reader.skip(offset);
      const wanted = product(shape) * type.bytes;
      const bytes = await reader.read(wanted);
      if (bytes.length < wanted) throw truncated(offset + bytes.length, layout, invalid);
      yield transposed(decode(bytes, 0), shape).subarray(from * each);
    } finally {
      await reader.close();
    }
  }

  return { name, shape, type: type.name, storage: type.storage, blocks: layout.columnMajor ? columns : rows, place, invalid };
}

type Invalid = (message: string, remedy?: string) => TabgradError;

const expectedBytes = ({ offset, shape, type }: ArrayLayout): number => offset + product(shape) * type.bytes;

const said = (layout: ArrayLayout): string =>
  `its header says ${layout.shape.join(" × ")} values of type ${layout.type.name}, ${expectedBytes(layout)} bytes in all`;

function truncated(size: number, layout: ArrayLayout, invalid: Invalid): TabgradError {
  const { offset, shape, type, columnMajor } = layout;
  const sample = Math.floor((size - offset) / (product(shape.slice(1)) * type.bytes));
  const end = columnMajor ? "" : ` and ends within sample ${sample} (counted from 0)`;
  return invalid(`is truncated: ${said(layout)}; it has ${size}${end}`);
}

function tooLong(size: number, layout: ArrayLayout, invalid: Invalid): TabgradError {
  const expected = expectedBytes(layout);
  return invalid(`is too long: ${said(layout)}; it has ${size}, ${size - expected} more from byte offset ${expected} on`);
}

/** @throws TabgradError where the file, `size` bytes long, is shorter or longer than the layout says. */
export function checkSize(layout: ArrayLayout, size: number): void {
  const { name, code, unpacked } = layout;
  const invalid: Invalid = (message, remedy = again) =>
    new TabgradError(code, `${name}${unpacked ? " (unpacked)" : ""} ${message}`, remedy);
  const expected = expectedBytes(layout);
  if (size < expected) throw truncated(size, layout, invalid);
  if (size > expected) throw tooLong(size, layout, invalid);
}

/** Row-major values from column-major ones. */
function transposed(values: FieldValues, shape: readonly number[]): FieldValues {
  const result = values.slice();
  const index = Array<number>(shape.length).fill(0);
  const strides = shape.map((_, d) => product(shape.slice(0, d)));
  let source = 0;
  for (let target = 0; target < values.length; target += 1) {
    result[target] = values[source]!;
    for (let d = shape.length - 1; d >= 0; d -= 1) {
      index[d] += 1;
      source += strides[d];
      if (index[d] < shape[d]) break;
      source -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return result;
}
