// A program for one number of rows: pipelines, places and bind groups made once, replayed for every batch.
import { evaluationGraph, inferenceGraph, TabgradError, trainingGraph, type Batch, type Graph, weightsInput } from "@tabgrad/core";
import { createBuffer, type Arena } from "./device/buffers.ts";
import { usage } from "./device/flags.ts";
import type { Pipeline, PipelineCache } from "./device/pipelines.ts";
import type { Results } from "./device/results.ts";
import type { Uploads } from "./device/uploads.ts";
import type { Layout } from "./plan/layout.ts";
import { lower, type Limits, type Lowered } from "./plan/lower.ts";
import { lifetimes, planMemory, type MemoryPlan } from "./plan/memory.ts";
import { mergeProductSums } from "./plan/shared-weights.ts";
import { aligned, bytesOf, type Tensor } from "./plan/tensor.ts";
import type { Dispatch } from "./wgsl/shader.ts";

export type Purpose = "train" | "evaluate" | "predict";

const graphFor: Record<Purpose, (forward: Graph, rows: number) => Graph> = {
  train: trainingGraph,
  evaluate: evaluationGraph,
  predict: inferenceGraph,
};

/** What the variants of a program share; those that predict have a layout and results of their own. */
export interface Shared {
  readonly device: GPUDevice;
  readonly pipelines: PipelineCache;
  readonly layout: Layout;
  readonly uploads: Uploads;
  readonly arena: Arena;
  readonly parameters: GPUBuffer;
  /** The parameters in f16, where products read them so. */
  readonly halves?: GPUBuffer;
  readonly results: Results;
}

/** Everything that is decided before a device is touched. */
export interface Compiled {
  readonly lowered: Lowered;
  readonly memory: MemoryPlan;
  /** By tensor: the place of a constant in the constants' buffer. */
  readonly constants: ReadonlyMap<number, number>;
  readonly constantElements: number;
}

/** What decides how a program is cut. */
export type ProgramLimits = Limits & { readonly maxBufferSize: number };

/** @throws TabgradError ENGINE_UNSUPPORTED, GRAPH_INVALID where the graph lacks the outputs that the purpose is about */
export function compileVariant(forward: Graph, purpose: Purpose, rows: number, layout: Layout, limits: ProgramLimits): Compiled {
  const lowered = lower(mergeProductSums(graphFor[purpose](forward, rows)), layout, limits);
  const inputs = lowered.inputs.map(({ tensor }) => tensor);
  const memory = planMemory(lifetimes(lowered.tensors, lowered.dispatches, inputs), Math.floor(limits.maxBufferSize / 4));
  const constants = new Map<number, number>();
  let constantElements = 0;
  for (const { id, storage, elements } of lowered.tensors) {
    if (storage !== "constant") continue;
    constants.set(id, constantElements);
    constantElements += aligned(elements);
  }
  return { lowered, memory, constants, constantElements };
}

interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly bindings: GPUBindGroup;
  readonly groups: readonly [number, number];
}

export class Variant {
  private readonly shared: Shared;
  private readonly compiled: Compiled;
  private readonly pipelines: readonly Pipeline[];
  private readonly constants: GPUBuffer | undefined;
  private steps: readonly Step[] = [];
  private boundTo = -1;

  private constructor(shared: Shared, compiled: Compiled, pipelines: readonly Pipeline[], constants: GPUBuffer | undefined) {
    this.shared = shared;
    this.compiled = compiled;
    this.pipelines = pipelines;
    this.constants = constants;
  }

  static async create(shared: Shared, compiled: Compiled): Promise<Variant> {
    const pipelines = await Promise.all(compiled.lowered.dispatches.map((dispatch) => shared.pipelines.get(dispatch)));
    await shared.arena.grow(compiled.memory.buffers);
    return new Variant(shared, compiled, pipelines, await fillConstants(shared.device, compiled));
  }

  /** Number of kernels that one batch starts. */
  get dispatches(): number {
    return this.compiled.lowered.dispatches.length;
  }

  /** Those kernels, in order. */
  get kernels(): readonly Dispatch[] {
    return this.compiled.lowered.dispatches;
  }

  /** Elements of one of the results. */
  resultElements(output: string): number {
    return this.shared.layout.results.get(output)!.elements;
  }

  /**
   * Hands the batch's values to the device, with weights that make losses, and so gradients, `lossScale` times as large. The encoder
   * that its kernels are recorded in comes next.
   */
  async upload(encoder: GPUCommandEncoder, batch: Batch, lossScale = 1): Promise<void> {
    const { uploads, arena } = this.shared;
    for (const { name, shape, tensor } of this.compiled.lowered.inputs) {
      const values = name === weightsInput ? scaled(batch.weights, lossScale) : batch.inputs[name];
      if (values?.length !== tensor.elements) {
        const came = values ? `${values.length} values` : "nothing";
        throw new TabgradError(
          "ENGINE_FAILED",
          `input ${name} was fed ${came}; ${batch.rows} rows of shape [${shape.join(", ")}] are ${tensor.elements}`,
          "This is a defect of tabgrad: please report it.",
        );
      }
      const place = this.compiled.memory.places.get(tensor.id);
      // An input that nothing reads has no place.
      if (place) await uploads.write(encoder, arena.buffer(place.buffer), place.offset * 4, values);
    }
  }

  /** Records all kernels, in order. */
  record(encoder: GPUCommandEncoder): void {
    this.bind();
    const pass = encoder.beginComputePass();
    this.steps.forEach((step) => dispatch(pass, step));
    pass.end();
  }

  /** Records all kernels, each in a pass of its own, whose beginning and end are taken down at 2i and 2i + 1. */
  recordTimed(encoder: GPUCommandEncoder, querySet: GPUQuerySet): void {
    this.bind();
    this.steps.forEach((step, i) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
      const pass = encoder.beginComputePass({ timestampWrites });
      dispatch(pass, step);
      pass.end();
    });
  }

  destroy(): void {
    this.constants?.destroy();
  }

  private bind(): void {
    const { arena, device } = this.shared;
    if (this.boundTo === arena.generation) return;
    this.steps = this.compiled.lowered.dispatches.map((dispatch, i) => {
      const { pipeline, bindings: layout } = this.pipelines[i];
      const entries = dispatch.bindings.map(({ tensor }, binding) => ({ binding, resource: this.resource(tensor) }));
      return { pipeline, bindings: device.createBindGroup({ layout, entries }), groups: dispatch.groups };
    });
    this.boundTo = arena.generation;
  }

  private resource(tensor: Tensor): GPUBufferBinding {
    // To a whole vec4f: what lies between tensors is nobody's.
    const bytes = bytesOf[tensor.type];
    const size = Math.ceil(tensor.elements / 4) * 4 * bytes;
    switch (tensor.storage) {
      case "arena": {
        const { buffer, offset } = this.compiled.memory.places.get(tensor.id)!;
        return { buffer: this.shared.arena.buffer(buffer), offset: offset * 4, size };
      }
      case "constant":
        return { buffer: this.constants!, offset: this.compiled.constants.get(tensor.id)! * 4, size };
      case "parameter":
        return { buffer: this.shared.parameters, offset: tensor.offset! * 4, size };
      case "half":
        return { buffer: this.shared.halves!, offset: tensor.offset! * bytes, size };
      case "result":
        return { buffer: this.shared.results.buffer, offset: tensor.offset! * 4, size };
    }
  }
}

function dispatch(pass: GPUComputePassEncoder, { pipeline, bindings, groups }: Step): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindings);
  pass.dispatchWorkgroups(groups[0], groups[1]);
}

const scaled = (weights: Float32Array, factor: number): Float32Array =>
  factor === 1 ? weights : weights.map((weight) => weight * factor);

async function fillConstants(
  device: GPUDevice,
  { lowered, constants, constantElements }: Compiled,
): Promise<GPUBuffer | undefined> {
  if (constantElements === 0) return undefined;
  const values = new Float32Array(constantElements);
  for (const tensor of lowered.tensors) {
    const offset = constants.get(tensor.id);
    if (offset === undefined) continue;
    if (tensor.values!.length === 1) values.fill(tensor.values![0], offset, offset + tensor.elements);
    else values.set(tensor.values!, offset);
  }
  const buffer = await createBuffer(device, "constants", constantElements, usage.storage | usage.copyTarget);
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}
