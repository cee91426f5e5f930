// A model on the GPU: parameters in; gradients and sums, or predictions, out. Batches are added up on the device and read back once
// a call.
import {
  checkLoss,
  elementCount,
  inferenceGraph,
  parameterElements,
  predictionOutput,
  TabgradError,
  type Batch,
  type Graph,
  type Program,
  type Sums,
  type TrainOptions,
} from "@tabgrad/core";
import { Arena, createBuffer } from "./device/buffers.ts";
import { usage } from "./device/flags.ts";
import type { DeviceHealth } from "./device/health.ts";
import type { PipelineCache } from "./device/pipelines.ts";
import { readBack, Results } from "./device/results.ts";
import { Uploads } from "./device/uploads.ts";
import { HalfParameters } from "./half-parameters.ts";
import { joined, layoutOf, layoutOfOutput, type Layout } from "./plan/layout.ts";
import { compileVariant, Variant, type ProgramLimits, type Purpose, type Shared } from "./variant.ts";

/** What an engine lends its programs. */
export interface Lent {
  readonly device: GPUDevice;
  /** The device's, or smaller ones. */
  readonly limits: ProgramLimits;
  readonly pipelines: PipelineCache;
  readonly health: DeviceHealth;
  /** Called when a program is closed. */
  forget?(program: GpuProgram): void;
}

/** Variants kept: full and last microbatches of training and of evaluation are four, and predictions are asked in a size or two. */
const maxVariants = 16;

/** A variant with the results that its kernels add to: the program's, or its own. */
interface Runnable {
  readonly variant: Variant;
  readonly results: Results;
}

export class GpuProgram implements Program {
  readonly parameterElements: number;
  private readonly forward: Graph;
  private readonly lent: Lent;
  private readonly shared: Shared;
  private readonly halves: HalfParameters | undefined;
  private readonly variants = new Map<string, Promise<Runnable>>();
  private closed = false;

  private constructor(forward: Graph, lent: Lent, shared: Shared, halves?: HalfParameters) {
    this.forward = forward;
    this.parameterElements = parameterElements(forward);
    this.lent = lent;
    this.shared = shared;
    this.halves = halves;
  }

  static async create(forward: Graph, lent: Lent): Promise<GpuProgram> {
    const { device, pipelines, limits } = lent;
    const layout = layoutOf(forward);
    const parameters = await createBuffer(device, "parameters", layout.parameterElements, usage.storage | usage.copyTarget);
    let halves: HalfParameters | undefined;
    try {
      const elements = layout.parameterElements;
      if (limits.precision === "mixed") halves = await HalfParameters.create(device, pipelines, { parameters, elements, limits });
      const results = await Results.create(device, "gradients", layout.resultElements);
      const memory = { uploads: new Uploads(device), arena: new Arena(device), parameters, halves: halves?.buffer, results };
      const shared = { device, pipelines, layout, ...memory };
      return new GpuProgram(forward, lent, shared, halves);
    } catch (error) {
      parameters.destroy();
      halves?.destroy();
      throw error;
    }
  }

  /** Bytes on the device that hold inputs and intermediate values. */
  get arenaBytes(): number {
    return this.shared.arena.bytes;
  }

  async setParameters(parameters: Float32Array): Promise<void> {
    this.ready();
    checkLength("parameters", parameters, this.parameterElements);
    const { device, layout, uploads, parameters: buffer } = this.shared;
    const encoder = device.createCommandEncoder();
    for (const { host, device: target, elements } of joined(layout.parameters.values())) {
      await uploads.write(encoder, buffer, target * 4, parameters.subarray(host, host + elements));
    }
    this.halves?.record(encoder);
    device.queue.submit([encoder.finish()]);
    uploads.submitted();
  }

  async train(batches: readonly Batch[], gradients: Float32Array, { lossScale = 1 }: TrainOptions = {}): Promise<Sums> {
    checkLength("gradients", gradients, this.parameterElements);
    const { layout } = this.shared;
    return this.run("train", { batches, lossScale }, layout.resultElements, (results) => {
      const segments = [...layout.results].flatMap(([name, segment]) => (layout.sums.includes(name) ? [] : [segment]));
      for (const { host, device, elements } of joined(segments)) gradients.set(results.subarray(device, device + elements), host);
      // In the host's own memory: what is mapped for reading may be slow to write to.
      if (lossScale !== 1) for (let i = 0; i < gradients.length; i++) gradients[i] /= lossScale;
      for (const { offset, elements } of layout.frozen) gradients.fill(0, offset, offset + elements);
    });
  }

  async evaluate(batches: readonly Batch[]): Promise<Sums> {
    return this.run("evaluate", { batches, lossScale: 1 }, this.shared.layout.sumElements, () => undefined);
  }

  async predict(batch: Batch): Promise<Float32Array> {
    return this.guarded(async () => {
      const { variant, results } = await this.runnable("predict", batch.rows);
      const elements = (variant.resultElements(predictionOutput) / batch.rows) * batch.samples;
      const staging = await this.submit(results, [{ variant, batch }], { elements, lossScale: 1 });
      return readBack(staging, elements, (values) => values.slice());
    });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const runnables = await Promise.allSettled(this.variants.values());
    runnables.forEach((runnable) => runnable.status === "fulfilled" && this.drop(runnable.value));
    const { uploads, arena, parameters, results } = this.shared;
    uploads.destroy();
    arena.destroy();
    parameters.destroy();
    this.halves?.destroy();
    results.destroy();
    this.lent.forget?.(this);
  }

  /** Runs the batches, reads the first `elements` results, and shows them to `take`, scaled, while they are there. */
  private async run(
    purpose: Exclude<Purpose, "predict">,
    { batches, lossScale }: { batches: readonly Batch[]; lossScale: number },
    elements: number,
    take: (results: Float32Array) => void,
  ): Promise<Sums> {
    return this.guarded(async () => {
      checkLoss(this.forward);
      const variants = new Map<number, Variant>();
      for (const { rows } of batches) {
        if (!variants.has(rows)) variants.set(rows, (await this.runnable(purpose, rows)).variant);
      }
      const work = batches.map((batch) => ({ variant: variants.get(batch.rows)!, batch }));
      const staging = await this.submit(this.shared.results, work, { elements, lossScale });
      return readBack(staging, elements, (results) => {
        take(results);
        const { samples, lossSum, metricSums } = readSums(this.shared.layout, batches, results);
        return { samples, lossSum: lossSum / lossScale, metricSums: metricSums.map((sum) => sum / lossScale) };
      });
    });
  }

  /** Work on the device: not begun when it cannot succeed, its failures in words, nothing taken for good that the device complained of. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    this.ready();
    try {
      const result = await work();
      await this.evict();
      this.lent.health.check();
      return result;
    } catch (error) {
      throw await this.lent.health.explain(error);
    }
  }

  private async submit(
    results: Results,
    work: readonly { variant: Variant; batch: Batch }[],
    { elements, lossScale }: { elements: number; lossScale: number },
  ): Promise<GPUBuffer> {
    const { device, uploads } = this.shared;
    let encoder = device.createCommandEncoder();
    results.clear(encoder, elements);
    for (const [i, { variant, batch }] of work.entries()) {
      await variant.upload(encoder, batch, lossScale);
      variant.record(encoder);
      if (i === work.length - 1) break;
      device.queue.submit([encoder.finish()]);
      uploads.submitted();
      encoder = device.createCommandEncoder();
    }
    const staging = results.copy(encoder, elements);
    device.queue.submit([encoder.finish()]);
    uploads.submitted();
    return staging;
  }

  private runnable(purpose: Purpose, rows: number): Promise<Runnable> {
    const key = `${purpose} ${rows}`;
    const runnable = this.variants.get(key) ?? this.make(purpose, rows);
    // Last in the map is used last.
    this.variants.delete(key);
    this.variants.set(key, runnable);
    runnable.catch(() => this.variants.delete(key));
    return runnable;
  }

  /** Drops the variants that were not used for longest. */
  private async evict(): Promise<void> {
    for (const [key, runnable] of [...this.variants].slice(0, -maxVariants)) {
      this.variants.delete(key);
      this.drop(await runnable);
    }
  }

  private drop({ variant, results }: Runnable): void {
    variant.destroy();
    if (results !== this.shared.results) results.destroy();
  }

  private async make(purpose: Purpose, rows: number): Promise<Runnable> {
    const { shared, forward, lent } = this;
    if (purpose !== "predict") {
      const compiled = compileVariant(forward, purpose, rows, shared.layout, lent.limits);
      return { variant: await Variant.create(shared, compiled), results: shared.results };
    }
    const layout = predictionLayout(forward, rows, shared.layout);
    const compiled = compileVariant(forward, purpose, rows, layout, lent.limits);
    const results = await Results.create(shared.device, "predictions", layout.resultElements);
    try {
      return { variant: await Variant.create({ ...shared, layout, results }, compiled), results };
    } catch (error) {
      results.destroy();
      throw error;
    }
  }

  private ready(): void {
    if (this.closed) throw new TabgradError("ENGINE_FAILED", "the program is closed", "Compile the model again.");
    this.lent.health.check();
  }
}

function predictionLayout(forward: Graph, rows: number, layout: Layout): Layout {
  const { nodes, outputs } = inferenceGraph(forward, rows);
  return layoutOfOutput(layout, predictionOutput, elementCount(nodes[outputs[predictionOutput]].shape));
}

function readSums({ sums, results: places }: Layout, batches: readonly Batch[], results: Float32Array): Sums {
  const [lossSum, ...metricSums] = sums.flatMap((name) => {
    const { device, elements } = places.get(name)!;
    return [...results.subarray(device, device + elements)];
  });
  return { samples: batches.reduce((total, { samples }) => total + samples, 0), lossSum, metricSums };
}

function checkLength(name: string, values: Float32Array, expected: number): void {
  if (values.length === expected) return;
  throw new TabgradError(
    "ENGINE_FAILED",
    `${values.length} ${name} came; the model has ${expected}`,
    "Compile the model that the parameters belong to.",
  );
}
