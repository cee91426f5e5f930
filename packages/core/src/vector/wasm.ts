// Writes WebAssembly modules, byte by byte: just the part of the binary format that a loop over vectors needs.
// "§" refers to the WebAssembly specification, release 2.0 (https://webassembly.github.io/spec/core/). Only deterministic
// instructions are listed (no relaxed SIMD), and a module is data for the engine to compile: a page's content security policy has
// to allow it with `script-src 'wasm-unsafe-eval'`, never with 'unsafe-eval'.

/** §5.3.1, §5.3.2 Value types. */
export const valueTypes = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof valueTypes;

/** §5.4.8: vector instructions are a prefix byte and a LEB128 number. */
const simd = (code: number): readonly number[] => [0xfd, ...unsigned(code)];

/** §5.4 Instructions, by their names in the text format. Immediates follow the opcode. */
const opcodes = {
  // §5.4.1 Control
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  end: [0x0b],
  br_if: [0x0d],
  // §5.4.5 Variables
  "local.get": [0x20],
  "local.set": [0x21],
  "local.tee": [0x22],
  // §5.4.7 Numbers
  "i32.const": [0x41],
  "i32.eqz": [0x45],
  "i32.lt_u": [0x49],
  "i32.add": [0x6a],
  "i32.and": [0x71],
  "i32.shr_u": [0x76],
  "f64.add": [0xa0],
  "f64.mul": [0xa2],
  "f64.promote_f32": [0xbb],
  // §5.4.8 Vectors of 128 bits
  "v128.load": simd(0x00),
  "v128.load32_splat": simd(0x09),
  "v128.store": simd(0x0b),
  "v128.store32_lane": simd(0x5a),
  "v128.const": simd(0x0c),
  "i8x16.shuffle": simd(0x0d),
  "i32x4.splat": simd(0x11),
  "f32x4.splat": simd(0x13),
  "f32x4.extract_lane": simd(0x1f),
  "f64x2.extract_lane": simd(0x21),
  "f32x4.eq": simd(0x41),
  "f32x4.ne": simd(0x42),
  "f32x4.lt": simd(0x43),
  "f32x4.gt": simd(0x44),
  "v128.and": simd(0x4e),
  "v128.andnot": simd(0x4f),
  "v128.or": simd(0x50),
  "v128.xor": simd(0x51),
  "v128.bitselect": simd(0x52),
  "f64x2.promote_low_f32x4": simd(0x5f),
  "i32x4.shl": simd(0xab),
  "i32x4.shr_u": simd(0xad),
  "i32x4.add": simd(0xae),
  "f32x4.abs": simd(0xe0),
  "f32x4.neg": simd(0xe1),
  "f32x4.sqrt": simd(0xe3),
  "f32x4.add": simd(0xe4),
  "f32x4.sub": simd(0xe5),
  "f32x4.mul": simd(0xe6),
  "f32x4.div": simd(0xe7),
  "f32x4.min": simd(0xe8),
  "f32x4.max": simd(0xe9),
  "f64x2.add": simd(0xf0),
  "f64x2.mul": simd(0xf2),
  "f32x4.convert_i32x4_u": simd(0xfb),
} satisfies Record<string, readonly number[]>;
export type Instruction = keyof typeof opcodes;

/** §5.2.2 LEB128, unsigned. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const rest = Math.floor(value / 128);
    bytes.push((value % 128) | (rest > 0 ? 0x80 : 0));
    value = rest;
  } while (value > 0);
  return bytes;
}

/** §5.2.2 LEB128, signed, of a 32-bit integer. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const byte = value & 0x7f;
    value >>= 7;
    // The last byte's bit 6 is the sign.
    const done = (value === 0 && (byte & 0x40) === 0) || (value === -1 && (byte & 0x40) !== 0);
    bytes.push(done ? byte : byte | 0x80);
    if (done) return bytes;
  }
}

/** §5.4.6 The immediate of loads and stores: the alignment promised, as a power of two, and a constant added to the address. */
export const memoryArgument = (alignment: number, offset: number): number[] => [...unsigned(alignment), ...unsigned(offset)];

/** The immediate of `v128.const` that has the same 32 bits in all four lanes. */
export const lanes = (bits: number): number[] => [0, 1, 2, 3].flatMap(() => [0, 8, 16, 24].map((shift) => (bits >>> shift) & 0xff));

/** §5.1.3 A vector: how many, and then each. */
const list = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];

/** §5.2.4 A name: its bytes as a vector. Ours are ASCII. */
const name = (text: string): number[] => list([...text].map((character) => [character.charCodeAt(0)]));

/** §5.5.2 A section: its number, its length, its contents. */
const section = (id: number, contents: readonly number[]): number[] => [id, ...unsigned(contents.length), ...contents];

/** One function under construction: numbered locals (parameters first), and code. */
export class FunctionWriter {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly bytes: number[] = [];
  private readonly locals: ValueType[] = [];

  constructor(parameters: readonly ValueType[], results: readonly ValueType[]) {
    this.parameters = parameters;
    this.results = results;
  }

  /** A new local variable, initially zero; returns its index. */
  local(type: ValueType): number {
    this.locals.push(type);
    return this.parameters.length + this.locals.length - 1;
  }

  emit(instruction: Instruction, immediates: readonly number[] = []): void {
    this.bytes.push(...opcodes[instruction], ...immediates);
  }

  get(...locals: readonly number[]): void {
    for (const local of locals) this.emit("local.get", unsigned(local));
  }

  set(local: number): void {
    this.emit("local.set", unsigned(local));
  }

  tee(local: number): void {
    this.emit("local.tee", unsigned(local));
  }

  integer(value: number): void {
    this.emit("i32.const", signed(value));
  }

  /** §5.5.13 The entry in the code section: locals, instructions, end; preceded by its length. */
  encode(): number[] {
    const body = [...list(this.locals.map((type) => [1, valueTypes[type]])), ...this.bytes, ...opcodes.end];
    return [...unsigned(body.length), ...body];
  }
}

/** What a module's one memory is imported as, and its one function exported. */
export const moduleNames = { module: "host", memory: "memory", function: "run" } as const;

/** §5.5.16 A module that imports a memory of any size and exports one function. */
export function encodeModule(writer: FunctionWriter): Uint8Array<ArrayBuffer> {
  const types = (all: readonly ValueType[]): number[] => list(all.map((type) => [valueTypes[type]]));
  const functionType = [0x60, ...types(writer.parameters), ...types(writer.results)];
  const memoryImport = [...name(moduleNames.module), ...name(moduleNames.memory), 0x02, 0x00, ...unsigned(0)];
  const functionExport = [...name(moduleNames.function), 0x00, ...unsigned(0)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d], // "\0asm"
    ...[0x01, 0x00, 0x00, 0x00], // version 1
    ...section(1, list([functionType])),
    ...section(2, list([memoryImport])),
    ...section(3, list([unsigned(0)])),
    ...section(7, list([functionExport])),
    ...section(10, list([writer.encode()])),
  ]);
}
