// The squared norm of a contribution's chunks, with the vector machinery: what a worker sends is judged before it is added.
import { compileVectorProgram, GraphBuilder, math, VectorMemory } from "@tabgrad/core";

/** Values are copied through so much memory, which stays in the processor's cache. */
const stagingElements = 16_384;
const staging = "staging";
const norm = "norm";

/** Returns a function that gives ‖values‖² in float64; not finite exactly if a value is not. */
export function chunkNorm(): (values: Float32Array) => number {
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
