// npx tabgrad train e2e/runs/small.ts --engine gpu
//
// MNIST on a network that a software GPU can train in seconds, for tests on both engines.
import { defineRun, dense, sequential, tanh } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";
import { digits } from "./digits.ts";

export default defineRun({
  ...mlp,
  data: digits,
  model: sequential(dense(24), tanh(), dense(10)),
  batchSize: 32,
  microbatchSize: 8,
  evaluateEvery: "end",
  epochs: undefined,
  steps: 20,
});
