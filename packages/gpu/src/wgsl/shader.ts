// One compute shader under construction: what it binds, the functions it calls, its body. The text is all that tells one pipeline
// from another, so nothing that does not change the machine code (labels, offsets of tensors) goes into it.
import type { Tensor } from "../plan/tensor.ts";
import { FunctionSet, type FunctionName } from "./functions.ts";
import { f32 } from "./number.ts";
import type { Block } from "./position.ts";
import { type Lanes } from "./position.ts";

export type Access = "read" | "read_write";

/** What a pipeline is made of and what it is run with. */
export interface Dispatch {
  /** For people: the operation and the layer it came from. */
  readonly label: string;
  readonly code: string;
  /** By binding number. */
  readonly bindings: readonly { readonly tensor: Tensor; readonly access: Access }[];
  /** Workgroups in x and y; a shader numbers them row by row. */
  readonly groups: readonly [number, number];
  /** Of a product: how many multiplications, each with its addition, the result takes. For whoever measures. */
  readonly multiplications?: number;
}

/** A tensor that a shader reads or writes. */
export class Binding {
  readonly tensor: Tensor;
  readonly name: string;
  readonly access: Access;
  private readonly uses = new Set<`load${Lanes}` | `store${Lanes}`>();

  constructor(tensor: Tensor, name: string, access: Access) {
    this.tensor = tensor;
    this.name = name;
    this.access = access;
  }

  /** An expression of the element at `index`, or of the four from there; `index` is a multiple of four then. */
  load(index: string, lanes: Lanes): string {
    this.uses.add(`load${lanes}`);
    return `${this.name}_load${lanes}(${index})`;
  }

  store(index: string, value: string, lanes: Lanes): string {
    this.uses.add(`store${lanes}`);
    return `${this.name}_store${lanes}(${index}, ${value});`;
  }

  /** Lanes of what is stored in f16: each needs its function that narrows. */
  get narrowing(): readonly Lanes[] {
    return this.tensor.type === "f16" ? ([1, 4] as const).filter((lanes) => this.uses.has(`store${lanes}`)) : [];
  }

  /** The variable and its accessors, which convert from and to float32; elements that are ever taken by four are declared by four. */
  declaration(number: number, accumulate: boolean): string[] {
    const { name } = this;
    const { type } = this.tensor;
    const half = type === "f16";
    const four = half ? "vec4<f16>" : "vec4f";
    const wide = (code: string, of: string): string => (half ? `${of}(${code})` : code);
    const stored = (lanes: Lanes): string => (half ? `narrowed${lanes}(value)` : "value");
    const packed = this.uses.has("load4") || this.uses.has("store4");
    const element = packed ? `${name}[i / 4u][i % 4u]` : `${name}[i]`;
    const assign = accumulate ? "+=" : "=";
    const accessors = {
      load1: `fn ${name}_load1(i: u32) -> f32 { return ${wide(element, "f32")}; }`,
      load4: `fn ${name}_load4(i: u32) -> vec4f { return ${wide(`${name}[i / 4u]`, "vec4f")}; }`,
      store1: `fn ${name}_store1(i: u32, value: f32) { ${element} ${assign} ${stored(1)}; }`,
      store4: `fn ${name}_store4(i: u32, value: vec4f) { ${name}[i / 4u] ${assign} ${stored(4)}; }`,
    };
    return [
      `@group(0) @binding(${number}) var<storage, ${this.access}> ${name}: array<${packed ? four : type}>;`,
      ...Object.entries(accessors).flatMap(([use, text]) => (this.uses.has(use as "load1") ? [text] : [])),
    ];
  }
}

export class Shader {
  private readonly label: string;
  private readonly inputs = new Map<number, Binding>();
  private output: Binding | undefined;
  private accumulate = false;
  private readonly functions = new FunctionSet();
  private readonly declarations: string[] = [];

  constructor(label: string) {
    this.label = label;
  }

  /** The binding that reads a tensor. */
  input(tensor: Tensor): Binding {
    let binding = this.inputs.get(tensor.id);
    if (!binding) {
      // The arena is one buffer, and a dispatch that writes to a buffer may bind all of it for writing only.
      binding = new Binding(tensor, `in${this.inputs.size}`, tensor.storage === "arena" ? "read_write" : "read");
      this.inputs.set(tensor.id, binding);
    }
    return binding;
  }

  /** The binding of the one tensor that is written. With `accumulate` a store adds to what is there. */
  writes(tensor: Tensor, accumulate: boolean): Binding {
    this.accumulate = accumulate;
    return (this.output ??= new Binding(tensor, "out", "read_write"));
  }

  call(name: FunctionName, lanes: Lanes): string {
    return this.functions.use(name, lanes);
  }

  /** The function from the four parts of a key, a stream and an index to a uniform number. */
  uniform(): string {
    return this.functions.uniform();
  }

  /** A float32 expression of a number that is known now. */
  number(value: number): string {
    return f32(value, () => this.functions.fromBits());
  }

  /** Adds a declaration at module level. */
  declare(...lines: string[]): void {
    this.declarations.push(...lines);
  }

  /**
   * @param main the body; `group` is the workgroup's number (u32) and `local` the thread's within it
   * @param maxGroups the most workgroups that one dimension may have
   */
  finish(main: Block, size: { workgroup: number; groups: number }, maxGroups: number): Dispatch {
    const x = Math.min(size.groups, maxGroups);
    const y = Math.ceil(size.groups / x);
    const bindings = [...(this.output ? [this.output] : []), ...this.inputs.values()];
    for (const lanes of this.output?.narrowing ?? []) this.functions.use("narrowed", lanes);
    const lines = [
      ...(bindings.some(({ tensor }) => tensor.type === "f16") ? ["enable f16;"] : []),
      ...bindings.flatMap((binding, number) => binding.declaration(number, binding === this.output && this.accumulate)),
      ...this.functions.text(),
      ...this.declarations,
      `@compute @workgroup_size(${size.workgroup})`,
      "fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) local: u32) {",
      y > 1 ? `let group = workgroup.y * ${x}u + workgroup.x;` : "let group = workgroup.x;",
      ...(x * y > size.groups ? [`if (group >= ${size.groups}u) { return; }`] : []),
      ...main.lines,
      "}",
    ];
    return {
      label: this.label,
      code: indent(lines),
      bindings: bindings.map(({ tensor, access }) => ({ tensor, access })),
      groups: [x, y],
    };
  }
}

/** Indents by braces, so that generators need not. */
function indent(lines: readonly string[]): string {
  let depth = 0;
  const result = lines
    .flatMap((line) => line.split("\n"))
    .map((line) => {
      const text = line.trim();
      const closing = /^[})]*/.exec(text)![0].replaceAll(")", "").length;
      const indented = "  ".repeat(Math.max(0, depth - closing)) + text;
      depth += (text.match(/\{/g)?.length ?? 0) - (text.match(/\}/g)?.length ?? 0);
      return indented;
    });
  return result.join("\n") + "\n";
}
