// The WebGPU engine. Whoever hosts it brings the adapter: a tab from `navigator.gpu`, a Node process from Dawn (see node.ts).
import {
  hasLoss,
  inMode,
  TabgradError,
  trainingGraph,
  type CompileOptions,
  type Engine,
  type Graph,
  type Precision,
} from "@tabgrad/core";
import { halfFeature, reportAdapter, requestDevice, type AdapterReport } from "./device/adapter.ts";
import { DeviceHealth } from "./device/health.ts";
import { PipelineCache } from "./device/pipelines.ts";
import { checkOperations } from "./plan/lower.ts";
import { GpuProgram, type Lent } from "./program.ts";

export interface GpuEngineOptions {
  readonly adapter: GPUAdapter;
  /** A device of the adapter's that is there already; it stays the caller's, and `close` leaves it alone. */
  readonly device?: GPUDevice;
}

export interface GpuEngine extends Engine {
  readonly kind: "gpu";
  readonly adapter: AdapterReport;
  /** Settles when the device is gone, also after `close`: build a new engine then. */
  readonly lost: Promise<GPUDeviceLostInfo>;
  /** Programs are reproducible in any case: no kernel adds in an order that depends on time. */
  compile(graph: Graph, options?: CompileOptions): Promise<GpuProgram>;
}

/** @throws TabgradError ENGINE_UNAVAILABLE if the adapter gives no device */
export async function createGpuEngine({ adapter, device: given }: GpuEngineOptions): Promise<GpuEngine> {
  const report = reportAdapter(adapter);
  const device = given ?? (await requestDevice(adapter));
  const programs = new Set<GpuProgram>();
  const lent: Lent = {
    device,
    limits: device.limits,
    pipelines: new PipelineCache(device),
    health: new DeviceHealth(device),
    forget: (program) => programs.delete(program),
  };
  return {
    kind: "gpu",
    device: report.name,
    adapter: report,
    lost: device.lost,
    async compile(graph, { precision = "float32" } = {}) {
      lent.health.check();
      checkOperations(inMode(graph, "evaluation"));
      if (hasLoss(graph)) checkOperations(trainingGraph(graph, graph.rows));
      if (precision === "mixed" && !device.features.has(halfFeature)) throw lacksHalf(report.name);
      const program = await GpuProgram.create(graph, { ...lent, limits: limitsOf(device, precision) });
      programs.add(program);
      return program;
    },
    async close() {
      await Promise.all([...programs].map((program) => program.close()));
      lent.health.close();
      if (!given) device.destroy();
    },
  };
}

function limitsOf({ limits }: GPUDevice, precision: Precision): Lent["limits"] {
  const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage, maxComputeWorkgroupsPerDimension } = limits;
  return {
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupsPerDimension,
    precision,
  };
}

const lacksHalf = (name: string): TabgradError =>
  new TabgradError(
    "ENGINE_UNSUPPORTED",
    `the run is in mixed precision, for which a GPU needs the feature ${halfFeature}; this one (${name}) lacks it`,
    'Join with another GPU, or start the run with precision: "float32". `tabgrad doctor` says what a GPU can do.',
  );
