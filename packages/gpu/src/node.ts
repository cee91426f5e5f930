// WebGPU in Node: Dawn, through the package `webgpu`, which only hosts with a GPU need to have.
import { TabgradError } from "@tabgrad/core";
import { reportAdapter, type AdapterReport } from "./device/adapter.ts";
import { createGpuEngine, type GpuEngine } from "./engine.ts";

/** What looking for a GPU came to. */
export type GpuOpening =
  | { readonly available: true; readonly adapter: GPUAdapter; readonly report: AdapterReport }
  | {
      readonly available: false;
      /** The package is not installed, its library does not load, or the system has no adapter for it. */
      readonly reason: "package-missing" | "library-failed" | "no-adapter";
      readonly message: string;
      readonly remedy: string;
    };

interface Dawn {
  create(options: string[]): GPU;
}

/** The process crashes on a later call if what `create` returned is collected while a device lives. */
const kept = new Set<GPU>();

/**
 * Our kernels write workgroup memory before they read it, so Dawn need not clear it first. That saves a pass at run time, and most
 * of the compile time where a driver writes the clearing out store by store. And Dawn shows f16 on NVIDIA's GPUs only if it is told to.
 */
export const defaultDawnOptions = ["enable-dawn-features=disable_workgroup_init,vulkan_enable_f16_on_nvidia"];

/**
 * Looks for an adapter, the fastest of several. Each call gives a new one, since an adapter serves one device.
 * @param dawnOptions as `webgpu`'s `create` takes them, such as "backend=vulkan"
 */
export async function openGpu(dawnOptions: readonly string[] = defaultDawnOptions): Promise<GpuOpening> {
  const dawn = await loadDawn();
  if ("reason" in dawn) return dawn;
  if (lacksVulkan()) return noAdapter("the Vulkan loader (libvulkan.so.1) is not installed");
  try {
    const gpu = dawn.create([...dawnOptions]);
    kept.add(gpu);
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    if (adapter) return { available: true, adapter, report: reportAdapter(adapter) };
    kept.delete(gpu);
    return noAdapter("Dawn found no adapter");
  } catch (error) {
    return noAdapter(`Dawn gave no adapter: ${textOf(error)}`);
  }
}

/**
 * The engine on this machine's GPU.
 * @throws TabgradError ENGINE_UNAVAILABLE saying why there is none
 */
export async function createNodeGpuEngine(dawnOptions?: readonly string[]): Promise<GpuEngine> {
  const opening = await openGpu(dawnOptions);
  if (!opening.available) throw new TabgradError("ENGINE_UNAVAILABLE", opening.message, opening.remedy);
  return createGpuEngine({ adapter: opening.adapter });
}

/**
 * On Linux Dawn needs the Vulkan loader, and prints a warning of its own if there is none: better not to start it then. Node opens
 * libraries as Dawn does, and says of one that is no addon either that it is none or that it is not there.
 */
function lacksVulkan(): boolean {
  if (process.platform !== "linux") return false;
  try {
    process.dlopen({ exports: {} }, "libvulkan.so.1");
    return false;
  } catch (error) {
    return textOf(error).includes("cannot open shared object file");
  }
}

async function loadDawn(): Promise<Dawn | Extract<GpuOpening, { available: false }>> {
  // Not a literal, so that a bundler leaves it alone and the package's global types stay out.
  const name = "webgpu";
  try {
    return (await import(name)) as Dawn;
  } catch (error) {
    const missing = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
    const remedy = "Run `npm install webgpu`, or use --engine cpu.";
    return missing
      ? { available: false, reason: "package-missing", message: "the package webgpu is not installed", remedy }
      : {
          available: false,
          reason: "library-failed",
          message: `the package webgpu has no library that loads on ${process.platform} ${process.arch}: ${textOf(error)}`,
          remedy: "Install it again with its install script allowed, update the system's C++ library, or use --engine cpu.",
        };
  }
}

function noAdapter(message: string): GpuOpening {
  const remedies: Partial<Record<NodeJS.Platform, string>> = {
    linux: "Install a Vulkan driver and loader (libvulkan.so.1) for your GPU; `vulkaninfo --summary` should list it.",
    darwin: "A Mac with Metal is needed, macOS 11 or later.",
    win32: "Update the GPU's driver; Direct3D 12 is needed.",
  };
  return {
    available: false,
    reason: "no-adapter",
    message,
    remedy: `${remedies[process.platform] ?? "Install a GPU driver."} Or use --engine cpu.`,
  };
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message.split("\n")[0] : String(error));
