// Unpacks LZ4 frames, as Arrow files hold them. Their blocks refer back to what came before them in the frame, so that a decoder of
// single blocks will not do. https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md

const magic = 0x184d2204;

/** Of a block, by the three bits of the descriptor that say it. */
const maxBlockBytes = [0, 0, 0, 0, 1 << 16, 1 << 18, 1 << 20, 1 << 22];

/** Set in a block's size where its bytes are not compressed. */
const storedBit = 0x80000000;

/** Bytes that grow at their end. */
class Output {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
  }

  /** Makes room for so many more. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.length + count, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }
}

/** The content of one frame. Checksums are passed over: damage shows in the table. @throws Error where this is none, or a damaged one */
export function decompressLz4Frame(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint32(0, true) !== magic) throw new Error("an LZ4 frame does not begin as one");
  const flags = frame[4];
  const most = maxBlockBytes[(frame[5] >>> 4) & 7];
  if (flags >>> 6 !== 1 || most === 0) throw new Error("an LZ4 frame is of an unknown version");
  const [hasBlockChecksums, hasSize, hasDictionary] = [flags & 16, flags & 8, flags & 1];
  if (hasDictionary) throw new Error("an LZ4 frame needs a dictionary, which Arrow does not know");
  let at = hasSize ? 15 : 7;
  const output = new Output(hasSize ? Math.min(Number(view.getBigUint64(6, true)), 256 * frame.length) : 4 * frame.length);
  for (;;) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) return output.bytes.subarray(0, output.length);
    const length = (size & ~storedBit) >>> 0;
    if (at + length > frame.length) throw new Error("an LZ4 frame is cut short");
    const block = frame.subarray(at, at + length);
    output.reserve(most);
    if (size & storedBit) {
      if (length > most) throw new Error("an LZ4 block is too long");
      output.bytes.set(block, output.length);
      output.length += length;
    } else decompressBlock(block, output, output.length + most);
    at += length + (hasBlockChecksums ? 4 : 0);
  }
}

/** A block is sequences of literals and a match each: bytes that stand as they are, and bytes to repeat from further up. */
function decompressBlock(block: Uint8Array, output: Output, end: number): void {
  const { bytes } = output;
  let at = 0;
  let to = output.length;
  const lengthFrom = (nibble: number): number => {
    let length = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; at += 1) {
      more = block[at];
      length += more;
    }
    return length;
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = lengthFrom(token >>> 4);
    if (!(at + literals <= block.length && to + literals <= end)) throw new Error("an LZ4 block is damaged");
    bytes.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === block.length) break;
    const offset = block[at] | (block[at + 1] << 8);
    at += 2;
    const length = lengthFrom(token & 15) + 4;
    if (!(offset > 0 && offset <= to && to + length <= end)) throw new Error("an LZ4 block is damaged");
    if (offset >= length) bytes.copyWithin(to, to - offset, to - offset + length);
    // What is repeated may itself be what is being written.
    else for (let i = 0; i < length; i += 1) bytes[to + i] = bytes[to - offset + i];
    to += length;
  }
  output.length = to;
}
