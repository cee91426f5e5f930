// npx tabgrad train e2e/runs/augmented.ts
//
// MNIST with everything that is random in training: dropout, and transforms of the images. For tests that compare parameters, with tanh
// as in smooth.ts.
import { cutOut, defineRun, dense, dropout, flatten, horizontalFlip, randomCrop, sequential, tanh } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";
import { digits } from "./digits.ts";

export default defineRun({
  ...mlp,
  data: digits,
  transforms: [randomCrop({ size: 24, padding: 2, fill: "reflect" }), horizontalFlip({ probability: 0.2 }), cutOut({ size: 6 })],
  model: sequential(flatten(), dropout(0.1), dense(128), tanh(), dropout(0.4), dense(10)),
});
