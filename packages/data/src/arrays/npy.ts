// The npy format of NumPy, versions 1 to 3: a magic string, the version, the length of a header, the header (a Python dictionary with
// dtype, order and shape), the values. NumPy Enhancement Proposal 1 and numpy.lib.format.
import { TabgradError } from "@tabgrad/core";
import { ByteReader, type LocalFile, withBytes } from "../files/byte-reader.ts";
import { looksLike } from "../files/looks-like.ts";
import { type ArrayFile, arrayFile, type ArrayLayout, checkSize } from "./array-file.ts";
import { type ElementKind, type ElementType, elementType } from "./element.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** A header is a line of text; a longer one is not the header of an array of numbers. */
const maxHeaderBytes = 1 << 16;

const again = "The file is damaged or not what its name says: write it again with numpy.save, or fetch it again.";

type Invalid = (message: string, remedy?: string) => TabgradError;

/** dtype characters of NumPy. */
const kinds: Readonly<Record<string, ElementKind>> = { f: "float", i: "signed", u: "unsigned", b: "boolean" };

function typeOf(descr: string, invalid: Invalid): ElementType {
  const match = /^([<>=|])([a-zA-Z])(\d+)$/.exec(descr);
  const kind = match && Object.hasOwn(kinds, match[2]) ? kinds[match[2]] : undefined;
  const type = kind && elementType(descr, kind, Number(match![3]), match![1] !== ">");
  if (type) return type;
  throw invalid(
    `has the dtype ${JSON.stringify(descr.slice(0, 100))}; expected a number: f2, f4, f8, i1 to i8, u1 to u8 or b1`,
    'Convert the array, with a.astype("float32") for example. Text and objects are not read.',
  );
}

/** The three entries of the header, which is a Python literal. */
function parseHeader(text: string, invalid: Invalid): Pick<ArrayLayout, "type" | "shape" | "columnMajor"> {
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[.*?\]))\s*[,}]/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const dimensions = /'shape'\s*:\s*\(([\dL,\s]*)\)/.exec(text);
  if (!descr || !order || !dimensions) {
    throw invalid(`has the header ${JSON.stringify(text.trim().slice(0, 200))}; expected descr, fortran_order and shape`);
  }
  const shape = dimensions[1]
    .split(",")
    .filter((size) => size.trim() !== "")
    .map((size) => Number.parseInt(size, 10));
  if (shape.length === 0) throw invalid("has the shape (), a single value; expected one dimension at least, the samples");
  const empty = shape.indexOf(0);
  if (empty >= 0) throw invalid(`has the shape (${shape.join(", ")}): dimension ${empty} is 0`);
  return { type: typeOf(descr[1] ?? descr[2], invalid), shape, columnMajor: order[1] === "True" && shape.length > 1 };
}

/** Reads the header from the reader's first byte on. `size`: of the file, where that is known. */
async function readLayout(
  name: string,
  reader: ByteReader,
  open: () => Promise<ByteReader>,
  unpacked: boolean,
): Promise<ArrayLayout> {
  const invalid: Invalid = (message, remedy = again) => new TabgradError("DATA_NPY_INVALID", `${name} ${message}`, remedy);
  const begin = await reader.read(8);
  if (begin.length < 8 || magic.some((byte, i) => begin[i] !== byte)) {
    const like = looksLike(Uint8Array.from([...begin, ...(await reader.read(200))]));
    const came = begin.length < 8 ? `has ${begin.length} bytes` : "does not begin with \\x93NUMPY";
    throw invalid(`is no npy file: it ${came}${like}`, "Check that the path names a file written by numpy.save.");
  }
  const version = begin[6];
  if (version < 1 || version > 3) throw invalid(`is of version ${version} of the format; expected 1, 2 or 3`);
  const lengthBytes = await reader.read(version === 1 ? 2 : 4);
  if (lengthBytes.length < (version === 1 ? 2 : 4)) throw invalid("is truncated: it ends within its header");
  const view = new DataView(lengthBytes.buffer);
  const length = version === 1 ? view.getUint16(0, true) : view.getUint32(0, true);
  if (length > maxHeaderBytes) throw invalid(`has a header of ${length} bytes; expected at most ${maxHeaderBytes}`);
  const header = await reader.read(length);
  if (header.length < length) throw invalid(`is truncated: its header has ${length} bytes, ${header.length} are there`);
  const offset = 8 + lengthBytes.length + length;
  const text = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(header);
  return { name, code: "DATA_NPY_INVALID", ...parseHeader(text, invalid), offset, unpacked, open };
}

/**
 * Opens an npy file, gzipped or not.
 * @throws TabgradError DATA_NPY_INVALID where the header is wrong or the length is not the header's.
 */
export function openNpy(file: LocalFile): Promise<ArrayFile> {
  return withBytes(file, async (reader) => {
    const layout = await readLayout(file.name, reader, () => ByteReader.open(file), reader.unpacked);
    if (reader.size !== undefined) checkSize(layout, reader.size);
    return arrayFile(layout);
  });
}

/** Opens npy data within another file, `size` bytes of it. @throws TabgradError DATA_NPY_INVALID */
export async function openNpyEntry(name: string, size: number, open: () => Promise<ByteReader>): Promise<ArrayFile> {
  const reader = await open();
  try {
    const layout = await readLayout(name, reader, open, false);
    checkSize(layout, size);
    return arrayFile(layout);
  } finally {
    await reader.close();
  }
}
