// npx tabgrad train e2e/runs/elastic.ts
//
// MNIST in an exact run, small enough that 200 steps take seconds, with 8 microbatches a step and all that can be random in them: for
// tests in which workers and coordinators die, stall and send nonsense.
import { defineRun, dense, dropout, sequential, shift, tanh } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";
import { digits } from "./digits.ts";

export default defineRun({
  ...mlp,
  data: digits,
  transforms: [shift({ x: 2, y: 2 })],
  model: sequential(dense(48), tanh(), dropout(0.2), dense(10)),
  exact: true,
  batchSize: 256,
  microbatchSize: 32,
  checkpointEvery: { steps: 10 },
  evaluateEvery: "end",
  epochs: undefined,
  steps: 200,
});
