// The bytes of a shard: made of samples, and looked at as typed arrays. Typed arrays have the byte order of the machine, a shard is
// little-endian, and so is every machine that runs Node or a browser.
import { TabgradError } from "../errors.ts";
import { type Field, fieldElements, type FieldStorage, type FieldValues, shardLayout, storageBytes } from "./layout.ts";

/** A shard's samples. `values[f]` holds field `f` of all of them, in the order of the fields. Shared: do not write to it. */
export interface ShardView {
  readonly samples: number;
  readonly values: readonly FieldValues[];
}

function valuesAt(storage: FieldStorage, buffer: ArrayBufferLike, offset: number, length: number): FieldValues {
  if (storage === "uint8") return new Uint8Array(buffer, offset, length);
  if (storage === "float32") return new Float32Array(buffer, offset, length);
  return new Int32Array(buffer, offset, length);
}

function storageOf(values: FieldValues): FieldStorage {
  if (values instanceof Uint8Array) return "uint8";
  return values instanceof Float32Array ? "float32" : "int32";
}

/**
 * The bytes of a shard that holds the samples numbered `order`, in that order.
 * @param columns one array for each field, of the kind that the field is stored as: all samples there are, row-major.
 */
export function packShard(
  fields: readonly Field[],
  columns: readonly FieldValues[],
  order: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const { offsets, bytes } = shardLayout(fields, order.length);
  const shard = new Uint8Array(bytes);
  fields.forEach((field, f) => {
    const elements = fieldElements(field);
    const from = columns[f];
    if (from === undefined || storageOf(from) !== field.storage) {
      throw new TypeError(
        `field "${field.name}" is stored as ${field.storage}, its column is ${from ? storageOf(from) : "missing"}`,
      );
    }
    const to = valuesAt(field.storage, shard.buffer, offsets[f], order.length * elements);
    for (let i = 0; i < order.length; i += 1) {
      const sample = order[i];
      if (elements === 1) to[i] = from[sample]!;
      else to.set(from.subarray(sample * elements, (sample + 1) * elements), i * elements);
    }
  });
  return shard;
}

/**
 * Looks at the bytes of a shard of `samples` samples without copying them, except for fields that `bytes` does not happen to have at
 * an address that a typed array allows (bytes cut out of a message, for example): those are copied once.
 * @throws TabgradError DATA_SHARD_CORRUPT where the length is not that of such a shard.
 */
export function viewShard(fields: readonly Field[], samples: number, bytes: Uint8Array): ShardView {
  const layout = shardLayout(fields, samples);
  if (bytes.length !== layout.bytes) {
    throw new TabgradError(
      "DATA_SHARD_CORRUPT",
      `a shard has ${bytes.length} bytes; ${samples} samples of ${fields.map((field) => `"${field.name}"`).join(", ")} take ${layout.bytes}`,
      "Fetch the shard again. If it happens again, the coordinator and this worker are of different versions: update the older one.",
    );
  }
  const values = fields.map((field, f) => {
    const length = samples * fieldElements(field);
    const size = storageBytes[field.storage];
    const start = bytes.byteOffset + layout.offsets[f];
    if (start % size === 0) return valuesAt(field.storage, bytes.buffer, start, length);
    const copy = new Uint8Array(bytes.subarray(layout.offsets[f], layout.offsets[f] + length * size));
    return valuesAt(field.storage, copy.buffer, 0, length);
  });
  return { samples, values };
}
