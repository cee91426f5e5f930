// A model on ONNX Runtime. Parameters are read where the caller keeps them, and gradients are written where the caller wants them.
import {
  elementCount,
  formatShape,
  gradientPrefix,
  graphInputs,
  metricNames,
  parameterElements,
  parameterSlots,
  weightsInput,
  type Batch,
  type Graph,
  type Program,
  type Sums,
} from "@tabgrad/core";
import { beforePrefix } from "./accumulating.ts";
import { inputTensor, parameterTensor } from "./onnx/index.ts";
import type { OrtModule, OrtTensor, OrtTensors } from "./runtime.ts";
import type { Runtime } from "./session.ts";
import { SessionCache, type Purpose } from "./session-cache.ts";
import { VectorViews } from "./vector.ts";

export class CpuProgram implements Program {
  readonly parameterElements: number;
  private readonly ort: OrtModule;
  private readonly onClose: () => void;
  private readonly sessions: SessionCache;
  private readonly inputs: ReturnType<typeof graphInputs>;
  private readonly parameterViews: VectorViews;
  private readonly gradientViews: VectorViews;
  private readonly beforeViews: VectorViews;
  /** One number each: the loss, then the metrics. */
  private readonly sums: Float32Array;
  private readonly sumTensors: OrtTensors;
  private parameters: OrtTensors | undefined;
  /** Takes turns with the caller's gradients while batches are added up. */
  private scratch: Float32Array | undefined;

  constructor(forward: Graph, runtime: Runtime, onClose: () => void) {
    const { ort } = runtime;
    const slots = parameterSlots(forward);
    this.parameterElements = parameterElements(forward);
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
    const total = new Total(this.sums.length);
    if (batches.length === 0) gradients.fill(0);
    let before: Float32Array | undefined;
    for (const [i, batch] of batches.entries()) {
      // Every batch reads one array and writes the other, such that the last one writes the caller's.
      const target = (batches.length - i) % 2 === 1 ? gradients : (this.scratch ??= new Float32Array(this.parameterElements));
      const feeds = before ? this.beforeViews.of(before) : {};
      await this.run(before ? "accumulate" : "train", batch, feeds, this.gradientViews.of(target));
      total.add(batch, this.sums);
      before = target;
    }
    return total.sums();
  }

  async evaluate(batches: readonly Batch[]): Promise<Sums> {
    const total = new Total(this.sums.length);
    for (const batch of batches) {
      await this.run("evaluate", batch, {}, {});
      total.add(batch, this.sums);
    }
    return total.sums();
  }

  close(): Promise<void> {
    this.onClose();
    return this.sessions.close();
  }

  private async run(purpose: Purpose, batch: Batch, feeds: OrtTensors, fetches: OrtTensors): Promise<void> {
    if (!this.parameters) throw new Error("setParameters has not been called");
    const session = await this.sessions.get(purpose, batch.rows);
    await session.run({ ...this.parameters, ...this.inputTensors(batch), ...feeds }, { ...this.sumTensors, ...fetches });
  }

  private inputTensors({ rows, inputs, weights }: Batch): OrtTensors {
    const tensors: Record<string, OrtTensor> = { [inputTensor(weightsInput)]: this.tensor(weightsInput, weights, [rows]) };
    for (const { name, shape, batched } of this.inputs) {
      tensors[inputTensor(name)] = this.tensor(name, inputs[name], batched ? [rows, ...shape.slice(1)] : shape);
    }
    return tensors;
  }

  private tensor(name: string, data: Float32Array | undefined, shape: readonly number[]): OrtTensor {
    if (data?.length !== elementCount(shape)) {
      throw new Error(`the input "${name}" of shape ${formatShape(shape)} was fed ${data?.length ?? "no"} values`);
    }
    return new this.ort.Tensor("float32", data, shape);
  }
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
