// A model on ONNX Runtime. Parameters are read where the caller keeps them, and gradients are written where the caller wants them.
import {
  checkLoss,
  elementCount,
  formatShape,
  gradientPrefix,
  graphInputs,
  inferenceGraph,
  metricNames,
  parameterElements,
  parameterSlots,
  predictionOutput,
  weightsInput,
  type Batch,
  type Graph,
  type Program,
  type Shape,
  type Sums,
} from "@tabgrad/core";
import { beforePrefix } from "./accumulating.ts";
import { inputTensor, parameterTensor } from "./onnx/index.ts";
import type { OrtModule, OrtTensor, OrtTensors } from "./runtime.ts";
import type { Runtime } from "./session.ts";
import { SessionCache, type Purpose } from "./session-cache.ts";
import { VectorViews } from "./vector.ts";

type Inputs = ReturnType<typeof graphInputs>;

/** What predictions need to know of the graph. */
interface PredictionForm {
  readonly inputs: Inputs;
  /** The shape of one sample's prediction. */
  readonly sample: Shape;
}

export class CpuProgram implements Program {
  readonly parameterElements: number;
  private readonly forward: Graph;
  private readonly ort: OrtModule;
  private readonly onClose: () => void;
  private readonly sessions: SessionCache;
  private readonly inputs: Inputs;
  private readonly parameterViews: VectorViews;
  private readonly gradientViews: VectorViews;
  private readonly beforeViews: VectorViews;
  /** One number each: the loss, then the metrics. */
  private readonly sums: Float32Array;
  private readonly sumTensors: OrtTensors;
  /** Known from the first prediction on: a program that trains has no use for it. */
  private predictionForm: PredictionForm | undefined;
  private parameters: OrtTensors | undefined;
  /** Takes turns with the caller's gradients while batches are added up. */
  private scratch: Float32Array | undefined;

  constructor(forward: Graph, runtime: Runtime, onClose: () => void) {
    const { ort } = runtime;
    const slots = parameterSlots(forward);
    this.parameterElements = parameterElements(forward);
    this.forward = forward;
    this.ort = ort;
    this.onClose = onClose;
    this.sessions = new SessionCache(forward, runtime);
    this.inputs = graphInputs(forward);
    this.parameterViews = new VectorViews(ort, slots, parameterTensor);
    this.gradientViews = new VectorViews(ort, slots, (name) => gradientPrefix + name);
    this.beforeViews = new VectorViews(ort, slots, (name) => inputTensor(beforePrefix + name));
    const results = ["loss", ...metricNames(forward).map((name) => `metric:${name}`)];
    this.sums = new Float32Array(results.length);
    this.sumTensors = Object.fromEntries(
      results.map((name, i) => [name, new ort.Tensor("float32", this.sums.subarray(i, i + 1), [])]),
    );
  }

  async setParameters(parameters: Float32Array): Promise<void> {
    this.parameters = this.parameterViews.of(parameters);
  }

  async train(batches: readonly Batch[], gradients: Float32Array): Promise<Sums> {
    checkLoss(this.forward);
    const total = new Total(this.sums.length);
    if (batches.length === 0) gradients.fill(0);
    let before: Float32Array | undefined;
    for (const [i, batch] of batches.entries()) {
      // Every batch reads one array and writes the other, such that the last one writes the caller's.
      const target = (batches.length - i) % 2 === 1 ? gradients : (this.scratch ??= new Float32Array(this.parameterElements));
      const feeds = before ? this.beforeViews.of(before) : {};
      await this.runSums(before ? "accumulate" : "train", batch, feeds, this.gradientViews.of(target));
      total.add(batch, this.sums);
      before = target;
    }
    return total.sums();
  }

  async evaluate(batches: readonly Batch[]): Promise<Sums> {
    checkLoss(this.forward);
    const total = new Total(this.sums.length);
    for (const batch of batches) {
      await this.runSums("evaluate", batch, {}, {});
      total.add(batch, this.sums);
    }
    return total.sums();
  }

  async predict(batch: Batch): Promise<Float32Array> {
    const { inputs, sample } = (this.predictionForm ??= predictionFormOf(this.forward));
    const shape = [batch.rows, ...sample];
    const predictions = new Float32Array(elementCount(shape));
    const target = new this.ort.Tensor("float32", predictions, shape);
    await this.run("predict", batch.rows, this.inputTensors(batch, inputs), { [predictionOutput]: target });
    return batch.samples < batch.rows ? predictions.slice(0, batch.samples * elementCount(sample)) : predictions;
  }

  close(): Promise<void> {
    this.onClose();
    return this.sessions.close();
  }

  private runSums(purpose: Exclude<Purpose, "predict">, batch: Batch, feeds: OrtTensors, fetches: OrtTensors): Promise<void> {
    const weights = { [inputTensor(weightsInput)]: this.tensor(weightsInput, batch.weights, [batch.rows]) };
    const inputs = this.inputTensors(batch, this.inputs);
    return this.run(purpose, batch.rows, { ...weights, ...inputs, ...feeds }, { ...this.sumTensors, ...fetches });
  }

  private async run(purpose: Purpose, rows: number, feeds: OrtTensors, targets: OrtTensors): Promise<void> {
    if (!this.parameters) throw new Error("setParameters has not been called");
    const session = await this.sessions.get(purpose, rows);
    await session.run({ ...this.parameters, ...feeds }, targets);
  }

  private inputTensors({ rows, inputs: values }: Batch, inputs: Inputs): OrtTensors {
    return Object.fromEntries(
      inputs.map(({ name, shape, batched }) => [
        inputTensor(name),
        this.tensor(name, values[name], batched ? [rows, ...shape.slice(1)] : shape),
      ]),
    );
  }

  private tensor(name: string, data: Float32Array | undefined, shape: readonly number[]): OrtTensor {
    if (data?.length !== elementCount(shape)) {
      throw new Error(`the input "${name}" of shape ${formatShape(shape)} was fed ${data?.length ?? "no"} values`);
    }
    return new this.ort.Tensor("float32", data, shape);
  }
}

function predictionFormOf(forward: Graph): PredictionForm {
  const graph = inferenceGraph(forward, forward.rows);
  const [, ...sample] = graph.nodes[graph.outputs[predictionOutput]].shape;
  return { inputs: graphInputs(graph), sample };
}

/** Adds up what batches give, in float64. */
class Total {
  private samples = 0;
  private readonly values: number[];

  constructor(length: number) {
    this.values = new Array<number>(length).fill(0);
  }

  add(batch: Batch, sums: Float32Array): void {
    this.samples += batch.samples;
    sums.forEach((value, i) => (this.values[i] += value));
  }

  sums(): Sums {
    const [lossSum, ...metricSums] = this.values;
    return { samples: this.samples, lossSum, metricSums };
  }
}
