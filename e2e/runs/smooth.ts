// npx tabgrad train e2e/runs/smooth.ts
//
// The MNIST example with tanh instead of relu, for tests that compare parameters. Where a relu's input comes out as 0 within rounding,
// the last bit of a sum decides whether its whole unit learns in that step, and two runs that add in another order part for good: one
// run of 120 steps in twelve does, in one process too. See docs/guarantees.md.
import { defineRun, dense, sequential, tanh } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";
import { digits } from "./digits.ts";

export default defineRun({ ...mlp, data: digits, model: sequential(dense(256), tanh(), dense(128), tanh(), dense(10)) });
