// The generator for many counters at a time, compiled to WebAssembly SIMD: four blocks side by side, the same words as threefry.ts makes.
import { encodeModule, FunctionWriter, lanes, memoryArgument, moduleNames, unsigned } from "../vector/wasm.ts";

const parity = 0x1bd11bda;
const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** Words of one call: what fits into the memory's one page. */
const maxWords = 16_384;

/** run(k0, k1, first counter, end): writes uniform numbers from address 0 on, eight for each four counters, until `end` is reached. */
function writeBlocks(): FunctionWriter {
  const writer = new FunctionWriter(["i32", "i32", "i32", "i32"], []);
  const [k0, k1, first, end] = [0, 1, 2, 3];
  const address = writer.local("i32");
  const keys = [writer.local("v128"), writer.local("v128"), writer.local("v128")];
  const [counters, a, b] = [writer.local("v128"), writer.local("v128"), writer.local("v128")];
  const constant = (bits: number): void => writer.emit("v128.const", lanes(bits));
  const splat = (local: number): void => {
    writer.get(local);
    writer.emit("i32x4.splat");
  };
  splat(k0);
  writer.set(keys[0]);
  splat(k1);
  writer.set(keys[1]);
  constant(parity);
  writer.get(keys[0]);
  writer.emit("v128.xor");
  writer.get(keys[1]);
  writer.emit("v128.xor");
  writer.set(keys[2]);
  splat(first);
  writer.emit(
    "v128.const",
    [0, 1, 2, 3].flatMap((lane) => [lane, 0, 0, 0]),
  );
  writer.emit("i32x4.add");
  writer.set(counters);

  writer.emit("loop");
  writer.get(counters, keys[0]);
  writer.emit("i32x4.add");
  writer.set(a);
  writer.get(keys[1]);
  writer.set(b);
  for (let group = 0; group < 5; group++) {
    for (const turn of rotations[group % 2]) {
      writer.get(a, b);
      writer.emit("i32x4.add");
      writer.set(a);
      writer.get(b);
      writer.integer(turn);
      writer.emit("i32x4.shl");
      writer.get(b);
      writer.integer(32 - turn);
      writer.emit("i32x4.shr_u");
      writer.emit("v128.or");
      writer.get(a);
      writer.emit("v128.xor");
      writer.set(b);
    }
    writer.get(a, keys[(group + 1) % 3]);
    writer.emit("i32x4.add");
    writer.set(a);
    writer.get(b, keys[(group + 2) % 3]);
    writer.emit("i32x4.add");
    constant(group + 1);
    writer.emit("i32x4.add");
    writer.set(b);
  }
  // The upper 24 bits of each word, times 2^-24.
  for (const word of [a, b]) {
    writer.get(word);
    writer.integer(8);
    writer.emit("i32x4.shr_u");
    writer.emit("f32x4.convert_i32x4_u");
    constant(0x33800000);
    writer.emit("f32x4.mul");
    writer.set(word);
  }
  // Both words of a block stand side by side.
  for (const [half, offset] of [
    [0, 0],
    [8, 16],
  ]) {
    writer.get(address, a, b);
    const pairs = [half, 16 + half, half + 4, 16 + half + 4];
    writer.emit(
      "i8x16.shuffle",
      pairs.flatMap((start) => [0, 1, 2, 3].map((byte) => start + byte)),
    );
    writer.emit("v128.store", memoryArgument(2, offset));
  }
  writer.get(counters);
  constant(4);
  writer.emit("i32x4.add");
  writer.set(counters);
  writer.get(address);
  writer.integer(32);
  writer.emit("i32.add");
  writer.tee(address);
  writer.get(end);
  writer.emit("i32.lt_u");
  writer.emit("br_if", unsigned(0));
  writer.emit("end");
  return writer;
}

interface Blocks {
  readonly values: Float32Array;
  readonly run: (k0: number, k1: number, first: number, end: number) => void;
}

let blocks: Blocks | undefined;

function compiled(): Blocks {
  if (blocks) return blocks;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const module = new WebAssembly.Module(encodeModule(writeBlocks()));
  const { exports } = new WebAssembly.Instance(module, { [moduleNames.module]: { [moduleNames.memory]: memory } });
  blocks = { values: new Float32Array(memory.buffer), run: exports[moduleNames.function] as Blocks["run"] };
  return blocks;
}

/** Fills `out` with `uniform(i)` of the key, for i from 0. */
export function fillUniformBlocks(k0: number, k1: number, out: Float32Array): void {
  const { values, run } = compiled();
  for (let start = 0; start < out.length; start += maxWords) {
    const count = Math.min(maxWords, out.length - start);
    run(k0, k1, start / 2, 4 * count);
    out.set(values.subarray(0, count), start);
  }
}
