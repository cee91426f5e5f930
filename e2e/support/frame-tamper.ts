// Finds the tensors of contributions in the bytes that a Node worker sends, and spoils one. The worker masks its WebSocket frames with
// zeros, so that what is in them can be changed in place. RFC 6455, section 5.2, has the layout of a WebSocket frame.
import { workerPath } from "@tabgrad/core";

const isRequest = Buffer.from(`GET ${workerPath} `);
const endOfRequest = "\r\n\r\n";
const binary = 0x82;
/** The header's first byte in a frame of ours: field 2 of `ToCoordinator`, a message. */
const contributionChunk = (2 << 3) | 2;
const headerOffset = 4;

/** `notFinite`: the last value of a tensor becomes NaN or infinite; `outlandish`: it becomes half a million or more. */
export type Corruption = "notFinite" | "outlandish";

/** What is set in the two bytes of a float32 that hold its exponent, and what is kept of them. */
const exponents = {
  notFinite: { low: { keep: 0xff, set: 0x80 }, high: { keep: 0xff, set: 0x7f } },
  // 2 to the power of 19, times a mantissa from 1 to 2.
  outlandish: { low: { keep: 0x7f, set: 0 }, high: { keep: 0x80, set: 0x49 } },
} as const satisfies Record<Corruption, unknown>;

export class FrameTamper {
  /** `no`: not the worker's WebSocket. */
  private speaks: "unknown" | "request" | "frames" | "no" = "unknown";
  private request = "";
  /** The WebSocket frame's own header, as far as it is there. */
  private head: number[] = [];
  private length = 0;
  private position = 0;
  private isGradient = false;

  /** Looks at the bytes, which come in any pieces; true where the last value of a tensor was spoilt in them. */
  pass(bytes: Buffer, corruption: Corruption | undefined): boolean {
    let isChanged = false;
    for (let i = this.skipRequest(bytes); i < bytes.length;) {
      if (this.position === this.length) {
        this.readHead(bytes[i++]);
        continue;
      }
      const end = Math.min(bytes.length, i + this.length - this.position);
      const at = (offset: number): number => i + offset - this.position;
      const tag = at(headerOffset);
      if (tag >= i && tag < end) this.isGradient = this.head[0] === binary && bytes[tag] === contributionChunk;
      // Both bytes of the exponent, little-endian, if they came together; as good as always.
      const exponent = at(this.length - 2);
      if (corruption && !isChanged && this.isGradient && exponent >= i && exponent + 1 < end) {
        const { low, high } = exponents[corruption];
        bytes[exponent] = (bytes[exponent] & low.keep) | low.set;
        bytes[exponent + 1] = (bytes[exponent + 1] & high.keep) | high.set;
        isChanged = true;
      }
      this.position += end - i;
      i = end;
      if (this.position === this.length) this.nextFrame();
    }
    return isChanged;
  }

  /** Where frames begin in these bytes. */
  private skipRequest(bytes: Buffer): number {
    if (this.speaks === "unknown") {
      this.speaks = bytes.subarray(0, isRequest.length).equals(isRequest) ? "request" : "no";
    }
    if (this.speaks === "frames") return 0;
    if (this.speaks === "no") return bytes.length;
    const before = this.request.length;
    this.request += bytes.toString("latin1");
    const end = this.request.indexOf(endOfRequest);
    if (end < 0) return bytes.length;
    this.speaks = "frames";
    return end + endOfRequest.length - before;
  }

  private readHead(byte: number): void {
    this.head.push(byte);
    if (this.head.length < 2) return;
    const short = this.head[1] & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (this.head.length < 2 + lengthBytes + 4) return;
    const mask = this.head.slice(2 + lengthBytes);
    if (this.head[1] < 0x80 || mask.some((value) => value !== 0)) throw new Error("the worker masks its frames, not with zeros");
    const long = this.head.slice(2, 2 + lengthBytes).reduce((total, value) => total * 256 + value, 0);
    this.length = lengthBytes === 0 ? short : long;
    this.position = 0;
    if (this.length === 0) this.nextFrame();
  }

  private nextFrame(): void {
    this.head = [];
    this.length = 0;
    this.position = 0;
    this.isGradient = false;
  }
}
