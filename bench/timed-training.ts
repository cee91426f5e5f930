// What a measurement of the CPU engine does, whatever the network: trains on one batch for some steps, on one thread, and times them.
import { createOptimizer, initialParameters, type Batch, type Graph, type OptimizerSpec } from "@tabgrad/core";
import { createNodeCpuEngine } from "@tabgrad/cpu/node";

export interface TimedTraining {
  readonly graph: Graph;
  readonly optimizer: OptimizerSpec;
  readonly batch: Batch;
  /** Steps before the clock starts. */
  readonly warmUp: number;
  readonly steps: number;
}

/** Forward, loss, backward and optimizer. @returns seconds that `steps` steps take */
export async function timeTraining({ graph, optimizer: spec, batch, warmUp, steps }: TimedTraining): Promise<number> {
  const engine = await createNodeCpuEngine({ threads: 1 });
  const program = await engine.compile(graph);
  const optimizer = createOptimizer(spec, program.parameterElements);
  optimizer.parameters.set(initialParameters(graph, 1));
  const batches = [batch];
  let begin = 0;
  for (let step = 1; step <= warmUp + steps; step++) {
    if (step === warmUp + 1) begin = performance.now();
    await program.setParameters(optimizer.parameters);
    const { samples } = await program.train(batches, optimizer.gradients);
    optimizer.step({ step, samples });
  }
  const seconds = (performance.now() - begin) / 1000;
  await program.close();
  await engine.close();
  return seconds;
}
