// A model on ONNX Runtime. Parameters are read where the caller keeps them, and gradients are written where the caller wants them.
import {
  checkLoss,
  elementCount,
  fillUniform,
  formatShape,
  gradientPrefix,
  inferenceGraph,
  hasLoss,
  keysInput,
  sampleSums,
  parameterElements,
  parameterSlots,
  predictionOutput,
  weightsInput,
  type Batch,
  type Graph,
  type OperationAttributes,
  type ParameterSlot,
  type Program,
  type Shape,
  type Sums,
} from "@tabgrad/core";
import { beforePrefix } from "./accumulating.ts";
import { inputTensor, parameterTensor, uniformTensor } from "./onnx/index.ts";
import type { OrtModule, OrtTensor, OrtTensors } from "./runtime.ts";
import type { Runtime, Session } from "./session.ts";
import { SessionCache, type Purpose } from "./session-cache.ts";
import { VectorViews } from "./vector.ts";

export class CpuProgram implements Program {
  readonly parameterElements: number;
  private readonly forward: Graph;
  private readonly ort: OrtModule;
  private readonly onClose: () => void;
  private readonly sessions: SessionCache;
  private readonly parameterViews: VectorViews;
  private readonly gradientViews: VectorViews;
  private readonly beforeViews: VectorViews;
  private readonly frozen: readonly ParameterSlot[];
  /** The loss, then the metrics' numbers. */
  private readonly sums: Float32Array;
  private readonly sumTensors: OrtTensors;
  /** The shape of one sample's prediction, known from the first on: a program that trains has no use for it. */
  private predictionShape: Shape | undefined;
  private parameters: OrtTensors | undefined;
  private readonly numbers = new Map<string, Float32Array>();
  /** Takes turns with the caller's gradients while batches are added up. */
  private scratch: Float32Array | undefined;

  constructor(forward: Graph, runtime: Runtime, onClose: () => void) {
    const { ort } = runtime;
    const slots = parameterSlots(forward);
    const elements = parameterElements(forward);
    this.parameterElements = elements;
    this.forward = forward;
    this.ort = ort;
    this.onClose = onClose;
    this.sessions = new SessionCache(forward, runtime);
    this.parameterViews = new VectorViews(ort, { slots, elements }, parameterTensor);
    const trained = { slots: slots.filter(({ frozen }) => !frozen), elements };
    this.frozen = slots.filter(({ frozen }) => frozen);
    this.gradientViews = new VectorViews(ort, trained, (name) => gradientPrefix + name);
    this.beforeViews = new VectorViews(ort, trained, (name) => inputTensor(beforePrefix + name));
    const results = hasLoss(forward) ? sampleSums(forward) : [];
    this.sums = new Float32Array(results.reduce((total, { elements }) => total + elements, 0));
    let end = 0;
    this.sumTensors = Object.fromEntries(
      results.map(({ name, shape, elements }) => [
        name,
        new ort.Tensor("float32", this.sums.subarray(end, (end += elements)), [...shape]),
      ]),
    );
  }

  async setParameters(parameters: Float32Array): Promise<void> {
    this.parameters = this.parameterViews.of(parameters);
  }

  async train(batches: readonly Batch[], gradients: Float32Array): Promise<Sums> {
    checkLoss(this.forward);
    const total = new Total(this.sums.length);
    if (batches.length === 0) gradients.fill(0);
    for (const { offset, elements } of this.frozen) gradients.fill(0, offset, offset + elements);
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
    const sample = (this.predictionShape ??= predictionShapeOf(this.forward));
    const shape = [batch.rows, ...sample];
    const predictions = new Float32Array(elementCount(shape));
    const target = new this.ort.Tensor("float32", predictions, shape);
    await this.run("predict", batch, {}, { [predictionOutput]: target });
    return batch.samples < batch.rows ? predictions.slice(0, batch.samples * elementCount(sample)) : predictions;
  }

  close(): Promise<void> {
    this.onClose();
    return this.sessions.close();
  }

  private runSums(purpose: Exclude<Purpose, "predict">, batch: Batch, feeds: OrtTensors, fetches: OrtTensors): Promise<void> {
    return this.run(purpose, batch, feeds, { ...this.sumTensors, ...fetches });
  }

  private async run(purpose: Purpose, batch: Batch, feeds: OrtTensors, targets: OrtTensors): Promise<void> {
    if (!this.parameters) throw new Error("setParameters has not been called");
    const session = await this.sessions.get(purpose, batch.rows);
    await session.run({ ...this.parameters, ...feeds, ...this.inputTensors(session, batch) }, targets);
  }

  /** What a session is fed of the batch: its arrays as they are, and the random numbers that its keys stand for. */
  private inputTensors({ inputs, uniforms }: Session, { inputs: values, weights }: Batch): OrtTensors {
    const feeds: Record<string, OrtTensor> = {};
    for (const { name, shape } of inputs) {
      // The sums of batches before come from elsewhere.
      if (name.startsWith(beforePrefix)) continue;
      feeds[inputTensor(name)] = this.tensor(name, name === weightsInput ? weights : values[name], shape);
    }
    for (const { attributes, shape } of uniforms) {
      const numbers = this.numbersFor(attributes, shape);
      const keys = values[keysInput];
      const each = numbers.length / shape[0];
      for (let row = 0; row < shape[0]; row++)
        fillUniform(keys, row, attributes.stream, numbers.subarray(row * each, (row + 1) * each));
      feeds[uniformTensor(attributes)] = this.tensor("random numbers", numbers, shape);
    }
    return feeds;
  }

  /** An array to draw into, again and again. */
  private numbersFor(attributes: OperationAttributes["uniform"], shape: Shape): Float32Array {
    const name = `${uniformTensor(attributes)} ${shape[0]}`;
    const numbers = this.numbers.get(name) ?? new Float32Array(elementCount(shape));
    this.numbers.set(name, numbers);
    return numbers;
  }

  private tensor(name: string, data: Float32Array | undefined, shape: readonly number[]): OrtTensor {
    if (data?.length !== elementCount(shape)) {
      throw new Error(`the input "${name}" of shape ${formatShape(shape)} was fed ${data?.length ?? "no"} values`);
    }
    return new this.ort.Tensor("float32", data, shape);
  }
}

function predictionShapeOf(forward: Graph): Shape {
  const graph = inferenceGraph(forward, forward.rows);
  return graph.nodes[graph.outputs[predictionOutput]].shape.slice(1);
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
