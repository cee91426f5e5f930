// The IDX format of MNIST: two zero bytes, the type of the values, the rank, one big-endian size for each dimension, the values.
// Y. LeCun, C. Cortes, C. Burges: "The MNIST database of handwritten digits".
import { TabgradError } from "@tabgrad/core";
import { ByteReader, type LocalFile, withBytes } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";
import { type ArrayFile, arrayFile, type ArrayLayout, checkSize } from "./array-file.ts";
import { type ElementType, elementType } from "./element.ts";

/** By the third byte of a file. */
const elementTypes: Readonly<Record<number, ElementType>> = {
  0x08: elementType("unsigned byte", "unsigned", 1, false)!,
  0x09: elementType("signed byte", "signed", 1, false)!,
  0x0b: elementType("short", "signed", 2, false)!,
  0x0c: elementType("int", "signed", 4, false)!,
  0x0d: elementType("float", "float", 4, false)!,
  0x0e: elementType("double", "float", 8, false)!,
};

const again = "The file is damaged or not what its name says: fetch it again, and compare its size with that of the source.";

const hex = (value: number): string => `0x${value.toString(16).padStart(2, "0")}`;

/** Type and shape, checked on their own. */
async function readHeader({ name }: LocalFile, reader: ByteReader): Promise<Pick<ArrayLayout, "type" | "shape" | "offset">> {
  const invalid = (message: string, remedy = again): TabgradError =>
    new TabgradError("DATA_IDX_INVALID", `${name}${reader.unpacked ? " (unpacked)" : ""} ${message}`, remedy);
  const begin = await reader.read(4);
  if (begin.length < 4) throw invalid(`has ${begin.length} bytes; an IDX file begins with 4: 0, 0, type, rank`);
  if (begin[0] !== 0 || begin[1] !== 0) {
    const like = looksLike(Uint8Array.from([...begin, ...(await reader.read(200))]));
    throw invalid(
      `is no IDX file: it begins with the bytes ${hex(begin[0])} ${hex(begin[1])}, expected 0x00 0x00 (byte offset 0)${like}`,
      "Check that the path names an IDX file, as it is or gzipped.",
    );
  }
  const type = elementTypes[begin[2]];
  if (!type) {
    const known = Object.entries(elementTypes).map(([code, known]) => `${hex(Number(code))} ${known.name}`);
    throw invalid(`has the element type ${hex(begin[2])} (byte offset 2); expected ${known.join(", ")}`);
  }
  const rank = begin[3];
  if (rank === 0) throw invalid("has rank 0 (byte offset 3), a single value; expected one dimension at least, the samples");
  const sizes = await reader.read(4 * rank);
  const offset = 4 + 4 * rank;
  if (sizes.length < 4 * rank)
    throw invalid(`is truncated: a header of rank ${rank} has ${offset} bytes, the file ${4 + sizes.length}`);
  const view = new DataView(sizes.buffer);
  const shape = Array.from({ length: rank }, (_, d) => view.getUint32(4 * d));
  const empty = shape.indexOf(0);
  if (empty >= 0) throw invalid(`has the shape [${shape.join(", ")}]: dimension ${empty} is 0 (byte offset ${4 + 4 * empty})`);
  return { type, shape, offset };
}

/**
 * Opens an IDX file, gzipped or not.
 * @throws TabgradError DATA_IDX_INVALID where the header is wrong or the length is not the header's; for a gzipped file, reading tells.
 */
export function openIdx(file: LocalFile): Promise<ArrayFile> {
  return withBytes(file, async (reader) => {
    const layout: ArrayLayout = {
      name: file.name,
      code: "DATA_IDX_INVALID",
      ...(await readHeader(file, reader)),
      unpacked: reader.unpacked,
      open: () => ByteReader.open(file),
    };
    if (reader.size !== undefined) checkSize(layout, reader.size);
    return arrayFile(layout);
  });
}
