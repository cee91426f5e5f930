// How kernels that look along axes share the work: an output is a line of elements, and `lanes` threads walk down each line.
import { elementCount, type Shape, stridesOf } from "@tabgrad/core";
import { dividedBy, modulo, plus, times, u32 } from "../wgsl/index-arithmetic.ts";
import { Block } from "../wgsl/position.ts";
import type { Shader } from "../wgsl/shader.ts";

/** A shape cut into lines: every combination of the kept axes names a line, the other axes run along it. */
export interface Lines {
  readonly count: number;
  readonly length: number;
  /** True if neighbours in memory lie in the same line. */
  readonly contiguous: boolean;
  /** The row-major index of element `along` of line `line`. */
  index(block: Block, line: string, along: string): string;
}

interface Run {
  readonly size: number;
  readonly stride: number;
  readonly along: boolean;
}

/** @param axes those that run along a line */
export function linesOf(shape: Shape, axes: readonly number[]): Lines {
  const runs = mergedRuns(shape, axes);
  const kept = runs.filter((run) => !run.along);
  const along = runs.filter((run) => run.along);
  return {
    count: elementCount(kept.map((run) => run.size)),
    length: elementCount(along.map((run) => run.size)),
    contiguous: runs[runs.length - 1]?.along ?? true,
    index: (block, line, element) => block.define("i", plus(offset(block, kept, line), offset(block, along, element))),
  };
}

/** Axes of dimension 1 dropped, and neighbours of the same kind taken as one. */
function mergedRuns(shape: Shape, axes: readonly number[]): Run[] {
  const strides = stridesOf(shape);
  const runs: Run[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const along = axes.includes(axis);
    const last = runs[runs.length - 1];
    if (last?.along === along) runs[runs.length - 1] = { size: last.size * size, stride: strides[axis], along };
    else runs.push({ size, stride: strides[axis], along });
  });
  return runs;
}

function offset(block: Block, runs: readonly Run[], number: string): string {
  const own = stridesOf(runs.map((run) => run.size));
  const terms = runs.map(({ size, stride }, i) => {
    const quotient = dividedBy(number, own[i]);
    return times(i === 0 ? quotient : modulo(quotient, size), stride);
  });
  return block.define("o", terms.reduce(plus, u32(0)));
}

/** A workgroup that walks down several lines at once. */
export interface Team {
  readonly workgroup: number;
  /** Threads of one line: a power of two. */
  readonly lanes: number;
  /** Lines of one workgroup. */
  readonly lines: number;
  /** In the workgroup's memory, from one lane of a line to the next. */
  readonly stride: number;
}

const smallWorkgroup = 64;
const largeWorkgroup = 256;
/** Elements of a line that are worth a large workgroup for it alone. */
const longLine = 512;

/** Lines across memory that stay side by side, so that neighbours are read together; and the threads that a large device wants. */
const sideBySide = 8;
const enoughThreads = 2 ** 16;

/** Threads side by side read neighbours in memory: lanes of a line if it is contiguous, else lines. */
export function teamOf({ count, length, contiguous }: Lines): Team {
  const large = (contiguous && length >= longLine) || count * length > 64 * largeWorkgroup;
  const workgroup = large ? largeWorkgroup : smallWorkgroup;
  const lanes = contiguous
    ? Math.min(workgroup, powerOfTwo(Math.ceil(length / 2)))
    : Math.min(workgroup / Math.min(powerOfTwo(count), sideBySide), powerOfTwo(length / 4), powerOfTwo(enoughThreads / count));
  const lines = workgroup / lanes;
  return { workgroup, lanes, lines, stride: contiguous ? 1 : lines };
}

/** The next power of two. */
const powerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, value)));

/** Names a thread's line and lane. */
export function placeThread(block: Block, { lanes, lines, stride }: Team): { line: string; lane: string } {
  const [line, lane] =
    stride === 1 ? [dividedBy("local", lanes), modulo("local", lanes)] : [modulo("local", lines), dividedBy("local", lines)];
  return { line: block.define("line", plus(times("group", lines), line)), lane: block.define("lane", lane) };
}

/** How a kernel is written whose teams go down their lines several times, and agree on something each time. */
export interface LineWalk {
  readonly team: Team;
  /** Every lane goes down its part of the line: `write` says what happens at an element, `index` being its row-major index. */
  walk(write: (block: Block, index: string) => void): void;
  /** Combines the lanes' variables `NAMEPart` into `NAME`, which all of them have then. */
  share(name: string, combine: (a: string, b: string) => string): void;
  /** Names what all lanes of a line have alike, rounded: a compiler may fuse an expression into what follows, and not round it. */
  round(name: string, code: string): void;
}

/** @param main begins with what names a thread's place, and ends with what is walked and shared */
export function walkLines(shader: Shader, main: Block, lines: Lines): LineWalk {
  const team = teamOf(lines);
  const { line, lane } = placeThread(main, team);
  shader.declare(`var<workgroup> partial: array<f32, ${team.workgroup}>;`);
  let shared = false;
  return {
    team,
    walk(write) {
      const loop = new Block(main);
      write(loop, lines.index(loop, line, "along"));
      main.add(
        `if (${line} < ${lines.count}u) {`,
        `for (var along = ${lane}; along < ${lines.length}u; along += ${team.lanes}u) {`,
        ...loop.lines,
        "}",
        "}",
      );
    },
    share(name, combine) {
      // Everybody has read what was shared before its place is used again.
      if (shared) main.add("workgroupBarrier();");
      shared = true;
      main.add(`partial[local] = ${name}Part;`);
      combineLanes(main, team, lane, (other) => `partial[local] = ${combine("partial[local]", `partial[${other}]`)};`);
      main.add(`let ${name} = partial[local - ${lane} * ${team.stride}u];`);
    },
    round(name, code) {
      if (shared) main.add("workgroupBarrier();");
      shared = true;
      main.add(`partial[local] = ${code};`, "workgroupBarrier();", `let ${name} = partial[local - ${lane} * ${team.stride}u];`);
    },
  };
}

/**
 * Combines what each lane has left in the workgroup's memory, pairwise, into lane 0's place. Every thread must get here.
 * @param combine the statement that combines place `local` with place `local + other`
 */
export function combineLanes(block: Block, { lanes, stride }: Team, lane: string, combine: (other: string) => string): void {
  block.add("workgroupBarrier();");
  for (let half = lanes / 2; half >= 1; half /= 2) {
    block.add(`if (${lane} < ${half}u) { ${combine(`local + ${half * stride}u`)} }`, "workgroupBarrier();");
  }
}
