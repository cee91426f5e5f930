// MNIST with everything that the pages show of a run beside its curves: a table, clipping, a schedule, and an end that may come early.
import { accuracy, confusionMatrix, cosineDecay, defineRun, f1 } from "tabgrad";
import mlp from "@tabgrad/examples/mnist/mlp";

export default defineRun({
  ...mlp,
  metrics: [accuracy(), f1(), f1({ average: "none" }), confusionMatrix()],
  schedule: cosineDecay({ warmUp: { steps: 20 } }),
  clip: { norm: 1 },
  stopEarly: { metric: "accuracy", patience: 1000 },
  evaluateEvery: { steps: 50 },
});
