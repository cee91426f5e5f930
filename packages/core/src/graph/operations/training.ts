// What sets training apart from evaluation and inference: random numbers, and a choice between two values.
import { fillUniformBlocks } from "../../random/blocks.ts";
import { KeyedRandom } from "../../random/keyed.ts";
import { defineOperation } from "../operation.ts";
import { checkDimensions, elementCount, formatShape, sameShape, ShapeError, type Shape } from "../shape.ts";

/**
 * The random numbers of one sample, as float32: element e is the number at index e of the stream that counter `stream` derives from the
 * sample's key.
 * @param keys the sample's key begins at `row` * 4: two words, each as its upper and its lower 16 bits
 */
export function fillUniform(keys: ArrayLike<number>, row: number, stream: number, out: Float32Array): void {
  const word = (i: number): number => keys[4 * row + i] * 0x10000 + keys[4 * row + i + 1];
  fillUniformBlocks(...new KeyedRandom(word(0), word(2)).child(stream).key, out);
}

export const uniform = defineOperation<"uniform">({
  name: "uniform",
  formula: "yᵣ = uniform numbers in [0, 1): those of the stream under the key in row r of x (randomness.md)",
  arity: 1,
  shape([keys], { shape }) {
    if (keys.length !== 2 || keys[1] !== 4) throw new ShapeError(`keys have shape [rows, 4], not ${formatShape(keys)}`);
    return checkDimensions([keys[0], ...shape]);
  },
  gradient: () => [undefined],
  evaluate([keys], { stream }, shape: Shape) {
    const elements = elementCount(shape) / shape[0];
    const data = new Float64Array(elementCount(shape));
    const numbers = new Float32Array(elements);
    for (let row = 0; row < shape[0]; row++) {
      fillUniform(keys.data, row, stream, numbers);
      data.set(numbers, row * elements);
    }
    return data;
  },
});

export const ifTraining = defineOperation<"ifTraining">({
  name: "ifTraining",
  formula: "y = a in training, b otherwise; settled before anything is differentiated",
  arity: 2,
  shape([a, b]) {
    if (!sameShape(a, b)) throw new ShapeError(`the two shapes ${formatShape(a)} and ${formatShape(b)} differ`);
    return a;
  },
  gradient: ({ upstream }) => [upstream, undefined],
  evaluate: ([a]) => a.data,
});
