// How a shard stores its samples: which fields there are, and at which byte each begins. The same rule stands in proto/tabgrad.proto.

/** How a value is stored, little-endian. Engines are fed the value itself as float32, without scaling. */
export type FieldStorage = "uint8" | "float32" | "int32";

/** The values of a field: one array for all the samples of a shard (or of a dataset), row-major. */
export type FieldValues = Uint8Array | Float32Array | Int32Array;

/** A named part of every sample. */
export interface Field {
  /** The name of the graph input it feeds. */
  readonly name: string;
  readonly storage: FieldStorage;
  /** The shape of one sample of this field; empty for one number. */
  readonly shape: readonly number[];
}

/** A fixed block of the dataset, named by what it holds. */
export interface ShardInfo {
  /** SHA-256 of its bytes, 64 hexadecimal digits. */
  readonly hash: string;
  /** Its length in bytes. */
  readonly bytes: number;
  /** The number of samples in it. */
  readonly samples: number;
}

/** Where the fields of a shard begin, in bytes, in the order of the fields; and how long the shard is. */
export interface ShardLayout {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Bytes of one value. */
export const storageBytes: Readonly<Record<FieldStorage, number>> = { uint8: 1, float32: 4, int32: 4 };

/** Every field begins at a multiple of this, so that typed arrays can look at it in place. */
export const fieldAlignment = 8;

/** Values of one sample of a field: the product of its shape. */
export function fieldElements(field: Field): number {
  return field.shape.reduce((product, size) => product * size, 1);
}

/** Bytes that one sample takes, without the gaps between fields. */
export function sampleBytes(fields: readonly Field[]): number {
  return fields.reduce((sum, field) => sum + fieldElements(field) * storageBytes[field.storage], 0);
}

/** The layout of a shard of `samples` samples: field after field, each at the next multiple of 8 bytes; nothing after the last one. */
export function shardLayout(fields: readonly Field[], samples: number): ShardLayout {
  const offsets: number[] = [];
  let end = 0;
  for (const field of fields) {
    const offset = Math.ceil(end / fieldAlignment) * fieldAlignment;
    offsets.push(offset);
    end = offset + samples * fieldElements(field) * storageBytes[field.storage];
  }
  return { offsets, bytes: end };
}
