// The run as one loop in one process: no sockets, no ledger, no chunks. What distributed training must come out equal to, and the
// shortest answer to "what does tabgrad compute?".
import {
  BatchPool,
  clipScale,
  finishReport,
  graphInputs,
  keysInput,
  runOptimizer,
  viewShard,
  type Engine,
  type Microbatch,
  type ResolvedRun,
  type ShardView,
} from "@tabgrad/core";
import type { Dataset } from "@tabgrad/data";
import { Schedule } from "./plan.ts";

export interface ReferenceOptions {
  readonly run: ResolvedRun;
  readonly initial: Float32Array;
  readonly dataset: Dataset;
  readonly engine: Engine;
  /** Rows of one engine call; the global batch is computed in as many as it takes. */
  readonly maxRows?: number;
  readonly onStep?: (step: number, loss: number) => void;
}

/** @returns the flat parameter vector after the last step, or its average where the run keeps one */
export async function runReference({
  run,
  initial,
  dataset,
  engine,
  maxRows = 1024,
  onStep,
}: ReferenceOptions): Promise<Float32Array> {
  const { fields, shards } = dataset.description;
  const { microbatchSize, clip, seed, transforms } = run.description;
  const schedule = new Schedule({
    run: run.description,
    report: run.report,
    dataset: dataset.description,
    startWorkers: 1,
    minWorkers: 1,
  });
  const optimizer = runOptimizer(run);
  optimizer.begin(initial);

  const views = new Map<number, ShardView>();
  const load = async (microbatches: readonly Microbatch[]): Promise<void> => {
    for (const { shard } of microbatches.flatMap((microbatch) => microbatch.slices)) {
      if (!views.has(shard))
        views.set(shard, viewShard(fields, shards[shard].samples, await dataset.store.read(shards[shard].hash)));
    }
  };

  const hasKeys = graphInputs(run.graph).some(({ name }) => name === keysInput);
  const pool = new BatchPool(fields, { microbatchSize, maxRows, seed, transforms, hasKeys });
  const program = await engine.compile(run.graph);
  const gradients = new Float32Array(optimizer.elements);
  for (let step = 1; step <= schedule.steps; step++) {
    const microbatches = schedule.allMicrobatches(step);
    await load(microbatches);
    const batches = pool.assemble(microbatches, (shard) => views.get(shard)!, step);
    await program.setParameters(optimizer.parameters.slice());
    const { divisor: samples, loss } = finishReport(run.report, await program.train(batches, gradients));
    pool.release(batches);
    optimizer.clearGradients();
    optimizer.accumulate(0, gradients);
    const scale = clipScale(clip, Math.sqrt(optimizer.squaredGradientNorm({ samples })));
    optimizer.step({ step, samples, scale });
    onStep?.(step, loss);
  }
  await program.close();
  return optimizer.result.slice();
}
