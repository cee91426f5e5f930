// A model on the GPU: parameters in, gradients and sums out. Batches are added up on the device and read back once a call.
import { parameterElements, TabgradError, type Batch, type Graph, type Program, type Sums } from "@tabgrad/core";
import { Arena, createBuffer, ReadbackRing } from "./device/buffers.ts";
import { mapMode, usage } from "./device/flags.ts";
import type { DeviceHealth } from "./device/health.ts";
import type { PipelineCache } from "./device/pipelines.ts";
import { joined, layoutOf, type Layout } from "./plan/layout.ts";
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

/** Variants kept: full and last microbatches of training and of evaluation are four. */
const maxVariants = 16;

export class GpuProgram implements Program {
  readonly parameterElements: number;
  private readonly forward: Graph;
  private readonly lent: Lent;
  private readonly shared: Shared;
  private readonly readback: ReadbackRing;
  private readonly variants = new Map<string, Promise<Variant>>();
  private closed = false;

  private constructor(forward: Graph, lent: Lent, shared: Shared, readback: ReadbackRing) {
    this.forward = forward;
    this.parameterElements = parameterElements(forward);
    this.lent = lent;
    this.shared = shared;
    this.readback = readback;
  }

  static async create(forward: Graph, lent: Lent): Promise<GpuProgram> {
    const { device, pipelines } = lent;
    const layout = layoutOf(forward);
    const made: { destroy(): void }[] = [];
    const keep = <T extends { destroy(): void }>(resource: T): T => {
      made.push(resource);
      return resource;
    };
    try {
      const { storage, copySource, copyTarget } = usage;
      const parameters = keep(await createBuffer(device, "parameters", layout.parameterElements, storage | copyTarget));
      const results = keep(await createBuffer(device, "gradients", layout.resultElements, storage | copySource | copyTarget));
      const readback = keep(await ReadbackRing.create(device, layout.resultElements));
      return new GpuProgram(forward, lent, { device, pipelines, layout, arena: new Arena(device), parameters, results }, readback);
    } catch (error) {
      made.forEach((resource) => resource.destroy());
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
    const { device, layout, parameters: buffer } = this.shared;
    for (const { host, device: target, elements } of joined(layout.parameters.values())) {
      device.queue.writeBuffer(buffer, target * 4, parameters, host, elements);
    }
  }

  async train(batches: readonly Batch[], gradients: Float32Array): Promise<Sums> {
    checkLength("gradients", gradients, this.parameterElements);
    const { layout } = this.shared;
    return this.run("train", batches, layout.resultElements, (results) => {
      const segments = [...layout.results].flatMap(([name, segment]) => (layout.sums.includes(name) ? [] : [segment]));
      for (const { host, device, elements } of joined(segments)) gradients.set(results.subarray(device, device + elements), host);
    });
  }

  async evaluate(batches: readonly Batch[]): Promise<Sums> {
    return this.run("evaluate", batches, this.shared.layout.sumElements, () => undefined);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    const variants = await Promise.allSettled(this.variants.values());
    variants.forEach((variant) => variant.status === "fulfilled" && variant.value.destroy());
    const { arena, parameters, results } = this.shared;
    arena.destroy();
    parameters.destroy();
    results.destroy();
    this.readback.destroy();
    this.lent.forget?.(this);
  }

  /** Runs the batches, reads the first `elements` results, and shows them to `take` while they are there. */
  private async run(
    purpose: Purpose,
    batches: readonly Batch[],
    elements: number,
    take: (results: Float32Array) => void,
  ): Promise<Sums> {
    this.ready();
    try {
      const variants = new Map<number, Variant>();
      for (const { rows } of batches) {
        if (!variants.has(rows)) variants.set(rows, await this.variant(purpose, rows));
      }
      const staging = this.submit(batches, variants, elements);
      // Mapping waits for the work by itself.
      await staging.mapAsync(mapMode.read, 0, elements * 4);
      const results = new Float32Array(staging.getMappedRange(0, elements * 4));
      const sums = readSums(this.shared.layout, batches, results);
      take(results);
      staging.unmap();
      await this.evict();
      this.lent.health.check();
      return sums;
    } catch (error) {
      throw await this.lent.health.explain(error);
    }
  }

  private submit(batches: readonly Batch[], variants: ReadonlyMap<number, Variant>, elements: number): GPUBuffer {
    const { device, results } = this.shared;
    let encoder = device.createCommandEncoder();
    encoder.clearBuffer(results, 0, elements * 4);
    batches.forEach((batch, i) => {
      const variant = variants.get(batch.rows)!;
      // What is written to a buffer arrives after the work submitted before and ahead of the work submitted next.
      variant.upload(batch);
      variant.record(encoder);
      if (i === batches.length - 1) return;
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder();
    });
    const staging = this.readback.take();
    encoder.copyBufferToBuffer(results, 0, staging, 0, elements * 4);
    device.queue.submit([encoder.finish()]);
    return staging;
  }

  private variant(purpose: Purpose, rows: number): Promise<Variant> {
    const key = `${purpose} ${rows}`;
    const variant = this.variants.get(key) ?? this.makeVariant(purpose, rows);
    // Last in the map is used last.
    this.variants.delete(key);
    this.variants.set(key, variant);
    variant.catch(() => this.variants.delete(key));
    return variant;
  }

  /** Drops the variants that were not used for longest. */
  private async evict(): Promise<void> {
    for (const [key, variant] of [...this.variants].slice(0, -maxVariants)) {
      this.variants.delete(key);
      (await variant).destroy();
    }
  }

  private async makeVariant(purpose: Purpose, rows: number): Promise<Variant> {
    const compiled = compileVariant(this.forward, purpose, rows, this.shared.layout, this.lent.limits);
    return Variant.create(this.shared, compiled);
  }

  private ready(): void {
    if (this.closed) throw new TabgradError("ENGINE_FAILED", "the program is closed", "Compile the model again.");
    this.lent.health.check();
  }
}

function readSums({ sums, results: places }: Layout, batches: readonly Batch[], results: Float32Array): Sums {
  const [lossSum, ...metricSums] = sums.map((name) => results[places.get(name)!.device]);
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
