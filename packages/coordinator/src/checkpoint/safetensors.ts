// safetensors, the file format of weights: https://huggingface.co/docs/safetensors. An unsigned 64-bit length, a JSON header that
// names every tensor with its type, shape and place, then the bytes. Only float32 is written; every type is read.
import { elementTypes, TabgradError, toFloat32 } from "@tabgrad/core";
import { z } from "zod";

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A tensor as the header of a file states it. */
export interface TensorEntry {
  readonly name: string;
  /** "F32", "BF16" and so on. */
  readonly type: string;
  readonly shape: readonly number[];
  /** Where its bytes begin and end in the file. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** What whoever wrote the file said of it. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes. */
  readonly tensors: readonly TensorEntry[];
}

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const metadataSchema = z.record(z.string(), z.string());
const headerSchema = z.record(z.string(), z.unknown());

/** A header longer than this is not one: the format's own limit. */
const maxHeaderBytes = 100_000_000;

/** The length of the header stands before it. */
export const lengthBytes = 8;

/** @param metadata goes into the header's `__metadata__` */
export function encodeSafetensors(tensors: readonly NamedTensor[], metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: metadata };
  for (const { name, shape, data } of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, (offset += data.byteLength)] };
  }
  const text = Buffer.from(JSON.stringify(header), "utf8");
  // Padding with spaces to 8 bytes keeps the tensors aligned when the file is mapped into memory.
  const headerBytes = Math.ceil(text.length / 8) * 8;
  // Every byte of it is written below: filling it first would take as long again.
  const file = Buffer.allocUnsafe(lengthBytes + headerBytes + offset);
  file.writeBigUInt64LE(BigInt(headerBytes), 0);
  text.copy(file, lengthBytes);
  file.fill(" ", lengthBytes + text.length, lengthBytes + headerBytes);
  let position = lengthBytes + headerBytes;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/** The tensors' bytes of a file, one after another. */
export function safetensorsData(file: Uint8Array): Uint8Array {
  return file.subarray(lengthBytes + Number(new DataView(file.buffer, file.byteOffset, file.byteLength).getBigUint64(0, true)));
}

/** @throws TabgradError CHECKPOINT_INVALID */
export function decodeSafetensors(bytes: Uint8Array, path: string): NamedTensor[] {
  const headerBytes = headerLength(bytes, bytes.length, path);
  const header = parseHeader(bytes.subarray(lengthBytes, lengthBytes + headerBytes), bytes.length, path);
  return header.tensors.map((entry) => tensorOf(entry, bytes.subarray(entry.begin, entry.end)));
}

/** @param bytes those between `begin` and `end` of the file */
export const tensorOf = ({ name, type, shape }: TensorEntry, bytes: Uint8Array): NamedTensor => ({
  name,
  shape,
  data: toFloat32(bytes, type),
});

/**
 * @param begin the first bytes of the file, `lengthBytes` or more
 * @param size of the file
 * @throws TabgradError CHECKPOINT_INVALID
 */
export function headerLength(begin: Uint8Array, size: number, path: string): number {
  if (begin.length < lengthBytes) throw invalid(path, `it has ${begin.length} bytes`);
  const length = Number(new DataView(begin.buffer, begin.byteOffset, begin.byteLength).getBigUint64(0, true));
  if (length <= Math.min(maxHeaderBytes, size - lengthBytes)) return length;
  throw invalid(path, looksLike(begin) ?? `its header would have ${length} bytes`);
}

/**
 * @param bytes of the header
 * @param size of the file
 * @throws TabgradError CHECKPOINT_INVALID
 */
export function parseHeader(bytes: Uint8Array, size: number, path: string): SafetensorsHeader {
  let header: z.infer<typeof headerSchema>;
  try {
    header = headerSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    throw invalid(path, "its header is not the JSON that the format asks for");
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const stated = metadataSchema.safeParse(metadata);
  if (!stated.success) throw invalid(path, "its metadata is not text");
  const begin = lengthBytes + bytes.length;
  const tensors = Object.entries(entries).map(([name, entry]) => entryOf(name, entry, { begin, size, path }));
  return { metadata: stated.data, tensors: tensors.sort((a, b) => a.begin - b.begin) };
}

interface Place {
  /** Of the tensors' bytes. */
  readonly begin: number;
  readonly size: number;
  readonly path: string;
}

function entryOf(name: string, entry: unknown, { begin, size, path }: Place): TensorEntry {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) throw invalid(path, `what it says of ${name} is not what the format asks for`);
  const { dtype: type, shape, data_offsets: offsets } = parsed.data;
  if (!Object.hasOwn(elementTypes, type)) {
    throw invalid(path, `${name} has type ${type}; known are ${Object.keys(elementTypes).join(", ")}`);
  }
  const elements = shape.reduce((product, dimension) => product * dimension, 1);
  const [from, to] = offsets;
  if (to - from !== elementTypes[type].bytes * elements || begin + to > size)
    throw invalid(path, `${name} is cut short or mislabelled`);
  return { name, type, shape, begin: begin + from, end: begin + to };
}

/** What people take for safetensors. */
function looksLike(begin: Uint8Array): string | undefined {
  const text = String.fromCharCode(...begin.subarray(0, 8));
  if (text.startsWith("PK\x03\x04") || text.startsWith("\x80\x02"))
    return "it looks like a file of torch.save; in Python, safetensors.torch.save_file(state_dict, path) writes what is read here";
  if (text.startsWith("\x89HDF")) return "it looks like an HDF5 file, as Keras writes them";
  return text.startsWith("version ") ? "it is a Git LFS pointer: fetch the file itself with git lfs pull" : undefined;
}

const invalid = (path: string, what: string): TabgradError =>
  new TabgradError(
    "CHECKPOINT_INVALID",
    `${path} is not a whole safetensors file: ${what}`,
    "Name a checkpoint's folder, a run's folder or a .safetensors file.",
  );
