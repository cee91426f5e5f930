// Asks a model about inputs as they come: in order, some at a time, so that inputs may be larger than memory.
import { elementCount, featuresField, type Program, type Shape } from "@tabgrad/core";
import type { InputBlock } from "@tabgrad/data";

export interface Answer {
  /** Where the sample comes from. */
  readonly place: string;
  /** What the model puts out for it. */
  readonly output: Float32Array;
}

/** Samples in one call of the engine. */
const mostRows = 256;

export async function* ask(program: Program, shape: Shape, blocks: AsyncIterable<InputBlock>): AsyncGenerator<Answer> {
  const elements = elementCount(shape);
  for await (const { places, values } of blocks) {
    for (let begin = 0; begin < places.length; begin += mostRows) {
      const rows = Math.min(mostRows, places.length - begin);
      const features = new Float32Array(rows * elements);
      for (let i = 0; i < features.length; i++) features[i] = values[begin * elements + i];
      const outputs = await program.predict({
        rows,
        samples: rows,
        inputs: { [featuresField]: features },
        weights: new Float32Array(rows).fill(1),
      });
      const width = outputs.length / rows;
      for (let i = 0; i < rows; i++) yield { place: places[begin + i], output: outputs.slice(i * width, (i + 1) * width) };
    }
  }
}
