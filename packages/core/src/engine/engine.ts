// What an engine is: something that compiles a graph and runs it. `cpu` and `gpu` implement this; nothing else knows which one runs.
import type { Graph } from "../graph/graph.ts";

export type EngineKind = "cpu" | "gpu";

/**
 * How an engine stores what it computes. "float32": all of it so. "mixed": activations, their gradients and copies of the weights that
 * products read in f16, added in float32; parameters, their gradients and all sums in float32 (Micikevicius et al. 2018, "Mixed
 * Precision Training").
 */
export type Precision = "float32" | "mixed";

/** One run of a program: `rows` rows side by side, some of them possibly padding; to be predicted, samples come first. */
export interface Batch {
  /** Rows of every input, padding included. A program compiles once for each number of rows it meets. */
  readonly rows: number;
  /** Rows that are samples; the rest is padding. */
  readonly samples: number;
  /** One array for each graph input that is fed by the dataset, shape [rows, …], row-major. */
  readonly inputs: Readonly<Record<string, Float32Array>>;
  /** Shape [rows]: 1 for a sample, 0 for padding. Multiplies each row's loss and metrics, so padding counts for exactly nothing. */
  readonly weights: Float32Array;
}

/** Sums over samples, never means: whoever has all of them divides once. */
export interface Sums {
  readonly samples: number;
  readonly lossSum: number;
  /** In the order of the graph's metric outputs; the numbers of one that has several one after another, row-major. */
  readonly metricSums: readonly number[];
}

export interface TrainOptions {
  /**
   * A power of two that losses are multiplied with before they are differentiated, and gradients and sums divided by afterwards, so that
   * small gradients are not lost in f16. Where it is so large that one does not fit, gradients are not finite. Engines that compute in
   * float32 need not heed it. Default: 1.
   */
  readonly lossScale?: number;
}

/** A graph made ready to run. Calls do not overlap: await one before the next. */
export interface Program {
  /** Values in the flat parameter vector. */
  readonly parameterElements: number;
  /**
   * Makes `parameters` (flat vector, `parameterElements` values) current. The program may go on reading the array until the next
   * call of this method: the caller must not write to it while another call is under way, and calls this again after it has.
   */
  setParameters(parameters: Float32Array): Promise<void>;
  /**
   * Forward, loss and backward of all `batches`; writes the *sum* of the per-sample gradients into `gradients` (flat vector,
   * overwritten, not added to; zeros where parameters are frozen) and returns the other sums.
   */
  train(batches: readonly Batch[], gradients: Float32Array, options?: TrainOptions): Promise<Sums>;
  /** Forward, loss and metrics. */
  evaluate(batches: readonly Batch[]): Promise<Sums>;
  /**
   * What the model says of the batch's samples: the graph's output "prediction" without the rows of padding, shape [samples, …],
   * row-major, in an array of its own. Weights are not read, and neither are inputs that only the loss needs, such as labels.
   * @throws TabgradError GRAPH_INVALID where the graph has no such output
   */
  predict(batch: Batch): Promise<Float32Array>;
  close(): Promise<void>;
}

export interface CompileOptions {
  /**
   * Whether the same batch has to give the same bits in every engine of this kind on such a machine, whatever this one was opened with
   * and whatever ran before. It may cost speed: the cpu engine computes on one thread. Default: false.
   */
  readonly reproducible?: boolean;
  /** Default: "float32". An engine that cannot do the other one rejects with ENGINE_UNSUPPORTED. */
  readonly precision?: Precision;
}

export interface Engine {
  readonly kind: EngineKind;
  /** For people: "NVIDIA H100 (Vulkan)", "ONNX Runtime 1.30.0, 1 thread". */
  readonly device: string;
  /**
   * Compiles a model's forward graph: the batch-polymorphic graph whose outputs are "loss" ([batch], per sample), any number of
   * "metric:NAME" ([batch, …], per sample) and perhaps "prediction" ([batch, …]). A graph with nothing but a prediction is compiled
   * too; its `train` and `evaluate` reject with GRAPH_INVALID.
   * @throws TabgradError ENGINE_UNSUPPORTED naming the operation that this engine cannot do.
   */
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
  close(): Promise<void>;
}
