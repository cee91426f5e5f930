// The squared norm of a contribution, with the vector machinery: what a worker sends is judged before it is added.
import {
  chunkLength,
  chunkOffset,
  compileVectorProgram,
  GraphBuilder,
  math,
  VectorMemory,
  type ChunkLayout,
  type ParameterSlot,
} from "@tabgrad/core";

/** Values are copied through so much memory, which stays in the processor's cache. */
const stagingElements = 16_384;
const staging = "staging";
const norm = "norm";

/** Values of a chunk that follow each other and are of one kind. */
interface Run {
  readonly begin: number;
  readonly end: number;
  /** Whether they move running statistics: their size says nothing of a gradient. */
  readonly isStatistic: boolean;
}

export class ContributionNorm {
  private readonly chunks: readonly (readonly Run[])[];
  private readonly norm = vectorNorm();

  /** @param slots of the parameters; the layout is that of those that are trained */
  constructor(layout: ChunkLayout, slots: readonly Pick<ParameterSlot, "frozen" | "momentum" | "elements">[]) {
    const runs = runsOf(slots);
    this.chunks = Array.from({ length: layout.count }, (_, chunk) => {
      const [start, length] = [chunkOffset(layout, chunk), chunkLength(layout, chunk)];
      return runs.flatMap(({ begin, end, isStatistic }) => {
        const run = { begin: Math.max(begin - start, 0), end: Math.min(end - start, length), isStatistic };
        return run.begin < run.end ? [run] : [];
      });
    });
  }

  /** ‖values‖² of a chunk, what moves running statistics aside, in float64; not finite exactly if a value is not. */
  squared(values: Float32Array, chunk: number): number {
    let sum = 0;
    for (const { begin, end, isStatistic } of this.chunks[chunk]) {
      const part = this.norm(values.subarray(begin, end));
      sum += isStatistic && Number.isFinite(part) ? 0 : part;
    }
    return sum;
  }
}

/** Of the trained values as one vector. */
function runsOf(slots: readonly Pick<ParameterSlot, "frozen" | "momentum" | "elements">[]): Run[] {
  const runs: Run[] = [];
  let begin = 0;
  for (const { frozen, momentum, elements } of slots) {
    if (frozen) continue;
    const run = { begin, end: begin + elements, isStatistic: momentum !== undefined };
    const last = runs.at(-1);
    if (last?.isStatistic === run.isStatistic) runs[runs.length - 1] = { ...last, end: run.end };
    else runs.push(run);
    begin = run.end;
  }
  return runs;
}

/** Returns a function that gives ‖values‖² in float64; not finite exactly if a value is not. */
function vectorNorm(): (values: Float32Array) => number {
  const builder = new GraphBuilder(1);
  const vector = builder.emit("input", [], { name: staging, shape: [], batched: true });
  const memory = new VectorMemory({ [staging]: stagingElements });
  const run = compileVectorProgram(builder.graph({ [norm]: math.sum(math.square(vector)) })).bind(memory);
  const room = memory.vector(staging);
  return (values) => {
    let sum = 0;
    for (let start = 0; start < values.length; start += stagingElements) {
      const part = values.subarray(start, start + stagingElements);
      room.set(part);
      sum += run({ count: part.length })[norm];
    }
    return sum;
  };
}
