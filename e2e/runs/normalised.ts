// npx tabgrad train e2e/runs/normalised.ts
//
// MNIST with batch normalisation, of vectors and of images. For tests that compare parameters, with tanh as in smooth.ts.
import { batchNorm, conv2d, defineRun, dense, flatten, sequential, tanh } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";
import { digits } from "./digits.ts";

export default defineRun({
  ...mlp,
  data: digits,
  model: sequential(conv2d(4, 5, { stride: 3 }), batchNorm(), tanh(), flatten(), dense(64), batchNorm(), tanh(), dense(10)),
});
