// A type for handing our read-only messages to protobufjs.

type Writable<T> = T extends Float32Array ? T : T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;

/** protobufjs only reads what it encodes, but its generated types ask for arrays that could be written to. */
export function writable<T>(value: T): Writable<T> {
  return value as Writable<T>;
}
