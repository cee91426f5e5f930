// What exact mode costs a worker: its microbatches one by one, with their gradients added in between, beside all of them at once.
import { addInto, crossEntropy, dense, forwardGraph, initialParameters, keyed, relu, sequential, type Batch } from "@tabgrad/core";
import { createNodeCpuEngine } from "@tabgrad/cpu/node";

/** The most rows of one batch in fast mode, as a worker's CPU engine has them. */
const mostRows = 256;

function randomBatch(rows: number): Batch {
  const features = new Float32Array(rows * 784);
  keyed(1, "sample").fillNormal(features);
  const labels = Float32Array.from({ length: rows }, (_, i) => i % 10);
  return { rows, samples: rows, inputs: { features, labels }, weights: new Float32Array(rows).fill(1) };
}

/** @returns for each number of microbatches how many times as long they take in exact mode: the quickest of `turns` each, in turns */
export async function measureExact(microbatchSize: number, counts: readonly number[], turns: number): Promise<number[]> {
  const engine = await createNodeCpuEngine({ threads: 1 });
  const graph = forwardGraph({
    model: sequential(dense(256), relu(), dense(128), relu(), dense(10)),
    loss: crossEntropy(),
    metrics: [],
    data: { features: { shape: [784], scale: 1, shift: 0 }, labels: { kind: "classes", count: 10 } },
  });
  const fast = await engine.compile(graph);
  const exact = await engine.compile(graph, { reproducible: true });
  const parameters = initialParameters(graph, 1);
  for (const program of [fast, exact]) await program.setParameters(parameters);
  const [sum, next] = [0, 1].map(() => new Float32Array(parameters.length));
  const one = randomBatch(microbatchSize);
  const ratios: number[] = [];
  for (const count of counts) {
    const rows = Math.min(mostRows, count * microbatchSize);
    const batches = Array.from({ length: (count * microbatchSize) / rows }, () => randomBatch(rows));
    const best = { fast: Infinity, exact: Infinity };
    for (let turn = 0; turn < turns; turn++) {
      const began = performance.now();
      await fast.train(batches, sum);
      const between = performance.now();
      await exact.train([one], sum);
      for (let i = 1; i < count; i++) {
        await exact.train([one], next);
        addInto(sum, next);
      }
      const ended = performance.now();
      best.fast = Math.min(best.fast, between - began);
      best.exact = Math.min(best.exact, ended - between);
    }
    ratios.push(best.exact / best.fast);
  }
  for (const program of [fast, exact]) await program.close();
  await engine.close();
  return ratios;
}
