// The layout of a frame: the length of the header, the header, padding, the tensor. Typed arrays have the byte order of the machine,
// the wire is little-endian, and so is every machine that runs Node or a browser.
import { bounds } from "./bounds.ts";
import { violation } from "./check.ts";

const lengthBytes = 4;
const tensorAlignment = 8;
/** Protobuf's wire type of a nested message. */
const nested = 2;

const afterHeader = (headerBytes: number): number => Math.ceil((lengthBytes + headerBytes) / tensorAlignment) * tensorAlignment;

/** Bytes that a frame with a tensor of `values` values takes at most, if its header is that of a chunk. */
export function chunkFrameBytes(values: number): number {
  return 64 + values * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * One buffer, ready to be sent; the tensor is copied into it once.
 * @param into where the frame is built, if it is large enough: whoever sends many frames of a size saves making buffers for them
 * @throws RangeError above the bound on frames: a defect of ours
 */
export function packFrame(header: Uint8Array, tensor?: Float32Array, into?: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const headerEnd = lengthBytes + header.length;
  const tensorStart = tensor ? afterHeader(header.length) : headerEnd;
  const size = tensorStart + (tensor?.byteLength ?? 0);
  if (size > bounds.frameBytes) throw new RangeError(`a frame of ${size} bytes; the bound is ${bounds.frameBytes}`);
  const frame = into && into.byteLength >= size ? new Uint8Array(into, 0, size) : new Uint8Array(size);
  new DataView(frame.buffer).setUint32(0, header.length, true);
  frame.set(header, lengthBytes);
  frame.fill(0, headerEnd, tensorStart);
  if (tensor) new Float32Array(frame.buffer, tensorStart, tensor.length).set(tensor);
  return frame;
}

export interface Frame {
  /** The number of the one field that the header has: which message it is. */
  readonly field: number;
  /** That message, protobuf. A view. */
  readonly body: Uint8Array;
  /** Bytes of the whole header. */
  readonly headerBytes: number;
  /** What follows it, unchecked; a view, empty where there is no tensor. */
  readonly tensor: Uint8Array;
}

/** Takes a frame apart without copying it. @throws TabgradError PROTOCOL_VIOLATION */
export function unpackFrame(frame: Uint8Array): Frame {
  if (frame.length > bounds.frameBytes) throw violation(`a frame of ${frame.length} bytes; allowed is ${bounds.frameBytes}`);
  if (frame.length < lengthBytes) throw violation(`a frame of ${frame.length} bytes has no room for the length of its header`);
  const headerBytes = new DataView(frame.buffer, frame.byteOffset, lengthBytes).getUint32(0, true);
  const end = lengthBytes + headerBytes;
  if (end > frame.length) throw violation(`a header of ${headerBytes} bytes in a frame of ${frame.length} bytes`);
  const { field, start } = unpackHeader(frame, end);
  // Without a tensor there is no padding either.
  const tensorStart = end === frame.length ? end : afterHeader(headerBytes);
  if (tensorStart > frame.length) throw violation(`the padding after a header of ${headerBytes} bytes is cut off`);
  return { field, body: frame.subarray(start, end), headerBytes, tensor: frame.subarray(tensorStart) };
}

/**
 * The header is a oneof: a single field that holds a message. Reading its number by hand tells which bound holds before anything is
 * decoded.
 */
function unpackHeader(frame: Uint8Array, end: number): { field: number; start: number } {
  let position = lengthBytes;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      if (position >= end) break;
      const byte = frame[position++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw violation("the header does not begin with a message");
  };
  const tag = varint();
  if (tag % 8 !== nested) throw violation("the header does not begin with a message");
  if (varint() !== end - position) throw violation("the header does not consist of exactly one message");
  return { field: Math.floor(tag / 8), start: position };
}

/** Float32 values, in place where their address allows it, else copied once. @throws TabgradError PROTOCOL_VIOLATION */
export function tensorValues(bytes: Uint8Array): Float32Array {
  const size = Float32Array.BYTES_PER_ELEMENT;
  if (bytes.length % size !== 0) throw violation(`a tensor of ${bytes.length} bytes; float32 values take 4 bytes each`);
  if (bytes.byteOffset % size === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / size);
  const values = new Float32Array(bytes.length / size);
  new Uint8Array(values.buffer).set(bytes);
  return values;
}
