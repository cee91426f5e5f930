// Models: layers, initialisers, losses, metrics, and the graph that they make with a dataset.
export { leakyRelu, relu, sigmoid, softmax, step, tanh } from "./activations.ts";
export { parallel, residual, type ParallelOptions, type ResidualOptions } from "./blocks.ts";
export { dense, type DenseOptions } from "./dense.ts";
export { functional, type FunctionalOptions, type LayerFunction, type LayerFunctions, type NamedLayers } from "./functional.ts";
export { forwardGraph, predictionGraph, type DataShape, type ForwardOptions } from "./forward-graph.ts";
export {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  normal,
  ones,
  uniform,
  zeros,
  type Fans,
  type HeOptions,
  type Initialiser,
} from "./initialisers.ts";
export { buildLayer, type Layer, type LayerContext } from "./layer.ts";
export type { Labels, Loss, Metric, Reading } from "./loss.ts";
export { binaryCrossEntropy, categoricalCrossEntropy, crossEntropy, meanSquaredError } from "./losses.ts";
export { accuracy, meanAbsoluteError, type AccuracyOptions } from "./metrics.ts";
export { initialParameters, parametersFrom, type NamedTensor, type PretrainedParameters } from "./parameters.ts";
export { areProbabilities, classScores, indexOfGreatest, readingOf, readOutput, softmaxOf } from "./reading.ts";
export { flatten, reshape } from "./reshaping.ts";
export { sequential } from "./sequential.ts";
export { layerSummaries, summary, type LayerSummary } from "./summary.ts";
