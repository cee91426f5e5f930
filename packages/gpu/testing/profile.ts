// Where the time of a batch goes on a device: each kernel of the training graph, timed by the device's own clock.
import { initialParameters, type Batch, type Graph, type Precision } from "@tabgrad/core";
import { requestDevice } from "../src/device/adapter.ts";
import { Arena, createBuffer } from "../src/device/buffers.ts";
import { mapMode, usage } from "../src/device/flags.ts";
import { PipelineCache } from "../src/device/pipelines.ts";
import { Results } from "../src/device/results.ts";
import { Uploads } from "../src/device/uploads.ts";
import { HalfParameters } from "../src/half-parameters.ts";
import { defaultDawnOptions, openGpu } from "../src/node.ts";
import { layoutOf } from "../src/plan/layout.ts";
import { compileVariant, Variant, type Shared } from "../src/variant.ts";

export interface KernelTime {
  /** The layer and the operation. */
  readonly label: string;
  /** Workgroups. */
  readonly groups: number;
  readonly microseconds: number;
  /** Of a product: floating-point operations, two for each multiplication. */
  readonly operations: number | undefined;
}

export interface Profile {
  readonly kernels: readonly KernelTime[];
  /** From the first kernel to the last one, in one pass, as the engine runs them: what they have between them counts. */
  readonly microseconds: number;
}

export interface ProfileOptions {
  readonly precision?: Precision;
  /** Each figure is the median of so many. Default: 20. */
  readonly rounds?: number;
  /** As `webgpu`'s `create` takes them. */
  readonly dawnOptions?: readonly string[];
}

/** Timestamps are in nanoseconds; unless told so, Dawn rounds them to 65,536. */
const exactTimestamps = "disable-dawn-features=timestamp_quantization";

/** @throws Error where there is no GPU, or none that takes timestamps */
export async function profileTraining(
  graph: Graph,
  batch: Batch,
  { precision = "float32", rounds = 20, dawnOptions = defaultDawnOptions }: ProfileOptions = {},
): Promise<Profile> {
  const opening = await openGpu([...dawnOptions, exactTimestamps]);
  if (!opening.available) throw new Error(opening.message);
  const device = await requestDevice(opening.adapter, ["timestamp-query"]);
  const pipelines = new PipelineCache(device);
  const layout = layoutOf(graph);
  const elements = layout.parameterElements;
  const limits = { ...limitsOf(device.limits), precision };
  const parameters = await createBuffer(device, "parameters", elements, usage.storage | usage.copyTarget);
  const halves =
    precision === "mixed" ? await HalfParameters.create(device, pipelines, { parameters, elements, limits }) : undefined;
  const results = await Results.create(device, "gradients", layout.resultElements);
  const memory = { uploads: new Uploads(device), arena: new Arena(device), parameters, halves: halves?.buffer, results };
  const shared: Shared = { device, pipelines, layout, ...memory };
  const variant = await Variant.create(shared, compileVariant(graph, "train", batch.rows, layout, limits));
  const initial = initialParameters(graph, 1);
  for (const { host, device: target, elements: count } of layout.parameters.values())
    device.queue.writeBuffer(parameters, target * 4, initial, host, count);
  const encoder = device.createCommandEncoder();
  await variant.upload(encoder, batch);
  device.queue.submit([encoder.finish()]);
  const clock = await Clock.create(device, Math.max(2, 2 * variant.dispatches));

  const whole: number[] = [];
  const each: number[][] = [];
  for (let round = 0; round < rounds + 3; round++) {
    const [begin, end] = await clock.time(2, (encoder, querySet) => {
      halves?.record(encoder);
      mark(encoder, querySet, 0);
      variant.record(encoder);
      mark(encoder, querySet, 1);
    });
    const times = await clock.time(2 * variant.dispatches, (encoder, querySet) => variant.recordTimed(encoder, querySet));
    // The first ones find caches cold and clocks low.
    if (round < 3) continue;
    whole.push(end - begin);
    each.push(variant.kernels.map((_, i) => times[2 * i + 1] - times[2 * i]));
  }
  const kernels = variant.kernels.map(({ label, groups, multiplications }, i) => ({
    label,
    groups: groups[0] * groups[1],
    microseconds: median(each.map((times) => times[i])),
    operations: multiplications === undefined ? undefined : 2 * multiplications,
  }));
  device.destroy();
  return { kernels, microseconds: median(whole) };
}

/** Takes down a time between passes. */
function mark(encoder: GPUCommandEncoder, querySet: GPUQuerySet, index: number): void {
  encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: index } }).end();
}

/** Timestamps of a device, read back. */
class Clock {
  private readonly device: GPUDevice;
  private readonly querySet: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly staging: GPUBuffer;

  private constructor(device: GPUDevice, querySet: GPUQuerySet, resolved: GPUBuffer, staging: GPUBuffer) {
    this.device = device;
    this.querySet = querySet;
    this.resolved = resolved;
    this.staging = staging;
  }

  static async create(device: GPUDevice, count: number): Promise<Clock> {
    const queryResolve = 512;
    const resolved = await createBuffer(device, "timestamps", 2 * count, queryResolve | usage.copySource);
    const staging = await createBuffer(device, "timestamps", 2 * count, usage.mapRead | usage.copyTarget);
    return new Clock(device, device.createQuerySet({ type: "timestamp", count }), resolved, staging);
  }

  /** Runs what is recorded, and returns its first `count` timestamps in microseconds. */
  async time(count: number, record: (encoder: GPUCommandEncoder, querySet: GPUQuerySet) => void): Promise<number[]> {
    const encoder = this.device.createCommandEncoder();
    record(encoder, this.querySet);
    encoder.resolveQuerySet(this.querySet, 0, count, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, count * 8);
    this.device.queue.submit([encoder.finish()]);
    await this.staging.mapAsync(mapMode.read, 0, count * 8);
    const nanoseconds = new BigUint64Array(this.staging.getMappedRange(0, count * 8).slice(0));
    this.staging.unmap();
    return [...nanoseconds].map((value) => Number(value - nanoseconds[0]) / 1000);
  }
}

function limitsOf(limits: GPUSupportedLimits) {
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeWorkgroupsPerDimension } = limits;
  return { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeWorkgroupsPerDimension };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
