// npx tabgrad train e2e/runs/watched.ts
//
// MNIST in an exact run whose evaluations decide: the learning rate falls, and the run ends early. With batch normalisation and an
// average of the weights, so that all that a coordinator has to remember is in use.
import { batchNorm, defineRun, dense, reduceOnPlateau, sequential, sgd, tanh } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";
import { digits } from "./digits.ts";

export default defineRun({
  ...mlp,
  data: digits,
  model: sequential(dense(32), batchNorm(), tanh(), dense(10)),
  exact: true,
  batchSize: 128,
  microbatchSize: 16,
  optimizer: sgd({ learningRate: 0.05, momentum: 0.9 }),
  averageWeights: { decay: 0.9 },
  // An evaluation has to be far better than the best to count: the first ones are, until it takes more steps than lie between two.
  schedule: reduceOnPlateau({ patience: 1, factor: 0.5, minimumDelta: 0.04 }),
  stopEarly: { patience: 3, minimumDelta: 0.04 },
  evaluateEvery: { steps: 6 },
  checkpointEvery: { steps: 4 },
  epochs: undefined,
  steps: 400,
});
