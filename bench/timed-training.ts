// What a measurement of an engine does, whatever the network: trains on one batch for some steps, and times them.
import { createOptimizer, initialParameters, type Engine, type Precision } from "@tabgrad/core";
import type { Work } from "./work.ts";

export interface Duration {
  /** Steps before the clock starts. */
  readonly warmUp: number;
  readonly steps: number;
  /** Default: "float32". */
  readonly precision?: Precision;
}

/** Forward, loss, backward and optimizer. @returns samples, or tokens, a second */
export async function timeTraining(
  engine: Engine,
  { graph, optimizer: spec, batch, units }: Work,
  { warmUp, steps, precision = "float32" }: Duration,
): Promise<number> {
  const program = await engine.compile(graph, { precision });
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
  return (units * steps) / seconds;
}
