// Models: layers, initialisers, losses, metrics, and the graph that they make with a dataset.
export { elu, gelu, hardSwish, leakyRelu, mish, relu, sigmoid, silu, softmax, softplus, step, tanh } from "./activations.ts";
export { multiHeadAttention, type AttentionOptions } from "./attention.ts";
export { batchNorm, type BatchNormOptions } from "./batch-normalisation.ts";
export { parallel, residual, type ParallelOptions, type ResidualOptions } from "./blocks.ts";
export { conv1d, conv2d, type Conv1dOptions, type Conv2dOptions, type ConvolutionOptions } from "./convolution.ts";
export { confusionMatrix, f1, precision, recall, type DetectionOptions } from "./confusion.ts";
export { dense, type DenseOptions } from "./dense.ts";
export { dropout } from "./dropout.ts";
export { embedding, unembedding, type EmbeddingOptions } from "./embedding.ts";
export { functional, type FunctionalOptions, type LayerFunction, type LayerFunctions, type NamedLayers } from "./functional.ts";
export { forwardGraph, predictionGraph, runGraphs, type DataShape, type ForwardOptions, type RunGraphs } from "./forward-graph.ts";
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
export type { Labels, Loss, Metric, MetricForm, Reading } from "./loss.ts";
export {
  binaryCrossEntropy,
  categoricalCrossEntropy,
  crossEntropy,
  huber,
  meanAbsoluteError,
  meanSquaredError,
  type BinaryCrossEntropyOptions,
  type CrossEntropyOptions,
} from "./losses.ts";
export { accuracy, perplexity, rSquared, topKAccuracy, type AccuracyOptions } from "./metrics.ts";
export { groupNorm, layerNorm, rmsNorm, type LayerNormOptions, type NormalisationOptions } from "./normalisation.ts";
export { centreCrop, oneHot } from "./preparation.ts";
export { initialParameters } from "./parameters.ts";
export {
  averagePool1d,
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
  type AveragePoolOptions,
} from "./pooling.ts";
export { positionEmbedding, sinusoidalPositions, type PositionEmbeddingOptions } from "./positions.ts";
export {
  parametersFrom,
  type Mismatch,
  type NamedTensor,
  type PretrainedOptions,
  type PretrainedParameters,
} from "./pretrained.ts";
export { areProbabilities, classScores, indexOfGreatest, readingOf, readOutput, softmaxOf } from "./reading.ts";
export { divisorRule, finishReport, isList, reportedMetrics, reportGraph, type Report } from "./report.ts";
export { flatten, permute, reshape } from "./reshaping.ts";
export { sequential } from "./sequential.ts";
export type { Extent, WindowOptions } from "./window.ts";
export { layerSummaries, summary, type LayerSummary } from "./summary.ts";
export { transformerBlock, type TransformerBlockOptions } from "./transformer.ts";
