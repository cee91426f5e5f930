// The parameters in f16, for the products of a program in mixed precision: made anew from the float32 ones whenever those are set, so
// that what is rounded away in one step is not lost to the next.
import { createBuffer } from "./device/buffers.ts";
import { usage } from "./device/flags.ts";
import type { PipelineCache } from "./device/pipelines.ts";
import { bytesOf, type ElementType, type Tensor } from "./plan/tensor.ts";
import { plus, times } from "./wgsl/index-arithmetic.ts";
import { Block } from "./wgsl/position.ts";
import { Shader, type Dispatch } from "./wgsl/shader.ts";
import type { ProgramLimits } from "./variant.ts";

const workgroup = 64;
/** Elements that a binding's offset is a multiple of, in float32 and in f16. */
const unit = 128;

export class HalfParameters {
  readonly buffer: GPUBuffer;
  private readonly steps: readonly { pipeline: GPUComputePipeline; bindings: GPUBindGroup; groups: readonly [number, number] }[];

  private constructor(buffer: GPUBuffer, steps: HalfParameters["steps"]) {
    this.buffer = buffer;
    this.steps = steps;
  }

  /** @param elements of the parameter buffer: a multiple of 128 */
  static async create(
    device: GPUDevice,
    pipelines: PipelineCache,
    { parameters, elements, limits }: { parameters: GPUBuffer; elements: number; limits: ProgramLimits },
  ): Promise<HalfParameters> {
    const buffer = await createBuffer(device, "parameters in f16", elements / 2, usage.storage);
    const most = Math.floor(limits.maxStorageBufferBindingSize / (unit * bytesOf.f32)) * unit;
    const steps: HalfParameters["steps"][number][] = [];
    for (let start = 0; start < elements; start += most) {
      const count = Math.min(most, elements - start);
      const dispatch = narrow(count, limits);
      const { pipeline, bindings: layout } = await pipelines.get(dispatch);
      const binding = (from: GPUBuffer, type: ElementType): GPUBufferBinding => ({
        buffer: from,
        offset: start * bytesOf[type],
        size: count * bytesOf[type],
      });
      const entries = [
        { binding: 0, resource: binding(buffer, "f16") },
        { binding: 1, resource: binding(parameters, "f32") },
      ];
      steps.push({ pipeline, bindings: device.createBindGroup({ layout, entries }), groups: dispatch.groups });
    }
    return new HalfParameters(buffer, steps);
  }

  /** Records that the float32 parameters of that moment are rounded. */
  record(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass();
    for (const { pipeline, bindings, groups } of this.steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      pass.dispatchWorkgroups(groups[0], groups[1]);
    }
    pass.end();
  }

  destroy(): void {
    this.buffer.destroy();
  }
}

/** Rounds so many float32 parameters, four in a thread. */
function narrow(elements: number, { maxComputeWorkgroupsPerDimension }: ProgramLimits): Dispatch {
  const from: Tensor = { id: 0, storage: "parameter", type: "f32", elements, offset: 0 };
  const to: Tensor = { id: 1, storage: "half", type: "f16", elements, offset: 0 };
  const shader = new Shader("parameters in f16");
  const block = new Block();
  const threads = elements / 4;
  const thread = block.define("thread", plus(times("group", workgroup), "local"));
  if (threads % workgroup !== 0) block.add(`if (${thread} >= ${threads}u) { return; }`);
  const index = block.define("i", times(thread, 4));
  block.add(shader.writes(to, false).store(index, shader.input(from).load(index, 4), 4));
  return shader.finish(block, { workgroup, groups: Math.ceil(threads / workgroup) }, maxComputeWorkgroupsPerDimension);
}
