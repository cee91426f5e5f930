// What a GPU says of itself, and how to ask it for a device with all it can do.
import { TabgradError } from "@tabgrad/core";

/** An adapter as plain data, for logs, `doctor` and the dashboard. */
export interface AdapterReport {
  /** For people: "NVIDIA H100", "apple metal-3". */
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** True for a software adapter: right, and slow. */
  readonly fallback: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/** The limits that matter to compute: `requestDevice` asks for as much of each as there is. */
const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** The feature that a GPU needs to store values in f16. */
export const halfFeature = "shader-f16";

export function reportAdapter(adapter: GPUAdapter): AdapterReport {
  const { vendor, architecture, device, description } = adapter.info;
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[name] = value;
  }
  return {
    name: device || description || [vendor, architecture].filter(Boolean).join(" ") || "unnamed GPU",
    vendor,
    architecture,
    description,
    // Older browsers say it on the adapter itself.
    fallback: adapter.info.isFallbackAdapter ?? (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter ?? false,
    features: [...adapter.features].sort(),
    limits,
  };
}

/** Whether a "GPU" is a program on the CPU: right, and slower than the CPU engine. Not every one of them admits it. */
export function isSoftware({ fallback, name, description, architecture }: AdapterReport): boolean {
  return fallback || /swiftshader|llvmpipe|lavapipe|microsoft basic render/i.test(`${name} ${description} ${architecture}`);
}

/**
 * A device with f16 where the adapter has it, and the adapter's own limits instead of WebGPU's small defaults. An adapter serves one such request.
 * @param features that it must have beside that
 * @throws TabgradError ENGINE_UNAVAILABLE
 */
export async function requestDevice(adapter: GPUAdapter, features: readonly GPUFeatureName[] = []): Promise<GPUDevice> {
  const requiredFeatures = [...features, ...([halfFeature] as const).filter((feature) => adapter.features.has(feature))];
  const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
  try {
    return await adapter.requestDevice({ label: "tabgrad", requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new TabgradError(
      "ENGINE_UNAVAILABLE",
      `the GPU (${reportAdapter(adapter).name}) gave no device: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Close other programs that use the GPU, ask for the adapter anew, or use --engine cpu.",
      { cause },
    );
  }
}
