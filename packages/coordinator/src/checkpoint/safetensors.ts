// safetensors, the file format of weights: https://huggingface.co/docs/safetensors. An unsigned 64-bit length, a JSON header that
// names every tensor with its type, shape and place, then the bytes. Only float32 is written; only float32 is read.
import { TabgradError } from "@tabgrad/core";
import { z } from "zod";

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const headerSchema = z.record(z.string(), z.union([entrySchema, z.record(z.string(), z.string())]));

/** A header longer than this is not one: the format's own limit. */
const maxHeaderBytes = 100_000_000;

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
  const file = Buffer.allocUnsafe(8 + headerBytes + offset);
  file.writeBigUInt64LE(BigInt(headerBytes), 0);
  text.copy(file, 8);
  file.fill(" ", 8 + text.length, 8 + headerBytes);
  let position = 8 + headerBytes;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), position);
    position += data.byteLength;
  }
  return file;
}

/** The tensors' bytes of a file, one after another. */
export function safetensorsData(file: Uint8Array): Uint8Array {
  return file.subarray(8 + Number(new DataView(file.buffer, file.byteOffset, file.byteLength).getBigUint64(0, true)));
}

/** @throws TabgradError CHECKPOINT_INVALID */
export function decodeSafetensors(bytes: Uint8Array, path: string): NamedTensor[] {
  const fail = (what: string): never => {
    throw new TabgradError(
      "CHECKPOINT_INVALID",
      `${path} is not a safetensors file of float32 tensors: ${what}`,
      "Name a checkpoint folder, or a .safetensors file with float32 weights.",
    );
  };
  if (bytes.length < 8) fail(`it has ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > Math.min(maxHeaderBytes, bytes.length - 8)) fail(`its header would have ${headerBytes} bytes`);
  const begin = 8 + headerBytes;
  const header = parseHeader(bytes.subarray(8, begin), fail);
  return Object.entries(header).flatMap(([name, entry]): NamedTensor[] => {
    if (name === "__metadata__") return [];
    const { dtype, shape, data_offsets } = entrySchema.parse(entry);
    const [from, to] = data_offsets;
    if (dtype !== "F32") fail(`${name} has type ${dtype}`);
    const elements = shape.reduce((product, dimension) => product * dimension, 1);
    if (to - from !== 4 * elements || begin + to > bytes.length) fail(`${name} is cut short or mislabelled`);
    // The bytes may begin anywhere: copy them to where a Float32Array can. (A Buffer's own `slice` would not copy.)
    return [{ name, shape, data: new Float32Array(Uint8Array.from(bytes.subarray(begin + from, begin + to)).buffer) }];
  });
}

function parseHeader(bytes: Uint8Array, fail: (what: string) => never): z.infer<typeof headerSchema> {
  try {
    return headerSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    return fail("its header is not the JSON that the format asks for");
  }
}
