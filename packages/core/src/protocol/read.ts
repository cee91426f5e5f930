// From an unpacked frame to a message, for either direction: which reader, under which bound, with a tensor or without.
import { TabgradError } from "../errors.ts";
import { violation } from "./check.ts";
import type { Frame } from "./frame.ts";

/** How one kind of message is read. `most`: bytes of header. */
type Reader<Message> =
  | { readonly name: string; readonly most: number; readonly read: (body: Uint8Array) => Message }
  | { readonly name: string; readonly most: number; readonly readTensor: (body: Uint8Array, tensor: Uint8Array) => Message };

/** By the number of the field in the oneof. */
export type Readers<Message> = Readonly<Record<number, Reader<Message>>>;

/** @throws TabgradError PROTOCOL_VIOLATION */
export function readMessage<Message>(frame: Frame, readers: Readers<Message>): Message {
  const { field, body, headerBytes, tensor } = frame;
  const reader = Object.hasOwn(readers, field) ? readers[field] : undefined;
  if (!reader) throw violation(`there is no message number ${field} in this direction`);
  const { name, most } = reader;
  if (headerBytes > most) throw violation(`${name} has a header of ${headerBytes} bytes; allowed is ${most}`);
  if ("read" in reader && tensor.length > 0)
    throw violation(`${name} is followed by ${tensor.length} bytes, but carries no tensor`);
  try {
    return "read" in reader ? reader.read(body) : reader.readTensor(body, tensor);
  } catch (error) {
    if (error instanceof TabgradError) throw error;
    throw violation(`${name} is not valid protobuf: ${(error as Error).message}`, { cause: error });
  }
}
