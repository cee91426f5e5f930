// What a run must come out equal to: the same run file in one loop in this process, without sockets.
import { applyOverrides, checkRun, initialParameters, resolveRun, type Engine } from "@tabgrad/core";
import { readCheckpoint, runReference } from "@tabgrad/coordinator";
import { openDataset } from "@tabgrad/data";
import { createNodeCpuEngine } from "@tabgrad/cpu/node";
import { root } from "./command.ts";

/** The flat parameter vector after the run, computed with the CPU engine unless another is given. */
export async function referenceParameters(
  definition: unknown,
  overrides: readonly string[],
  engine?: Engine,
): Promise<Float32Array> {
  const settings = checkRun(applyOverrides(definition, overrides));
  const dataset = await openDataset(settings.data, { baseDirectory: root, seed: settings.seed });
  try {
    const run = resolveRun(settings, dataset.description);
    const own = engine ?? (await createNodeCpuEngine({ threads: 1 }));
    try {
      return await runReference({ run, dataset, engine: own, initial: initialParameters(run.graph, settings.seed) });
    } finally {
      if (!engine) await own.close();
    }
  } finally {
    await dataset.close();
  }
}

/** The flat parameter vector of a checkpoint. */
export async function checkpointParameters(path: string): Promise<Float32Array> {
  const { weights } = await readCheckpoint(path);
  const vector = new Float32Array(weights.reduce((total, { data }) => total + data.length, 0));
  let offset = 0;
  for (const { data } of weights) {
    vector.set(data, offset);
    offset += data.length;
  }
  return vector;
}

/** ‖a − b‖ / ‖b‖, in the Euclidean norm: the relative error of a vector. */
export function relativeDifference(a: Float32Array, b: Float32Array): number {
  return finite(Math.sqrt(sum(a, b, (x, y) => (x - y) ** 2) / sum(b, b, (x) => x ** 2)));
}

/** max |a − b| / max |b|: no single value may be further off. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
  }
  return finite(difference / largest);
}

function sum(a: Float32Array, b: Float32Array, term: (x: number, y: number) => number): number {
  if (a.length !== b.length) throw new Error(`vectors of ${a.length} and ${b.length} values`);
  let total = 0;
  for (let i = 0; i < a.length; i++) total += term(a[i], b[i]);
  return total;
}

/** NaN compares false with everything and would pass unnoticed. */
const finite = (value: number): number => (Number.isFinite(value) ? value : Infinity);
