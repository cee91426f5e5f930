// The CPU engine for Node: the native ONNX Runtime.
import type { Engine } from "@tabgrad/core";
import { createCpuEngine } from "./engine.ts";
import { loadRuntime } from "./load-runtime.ts";
import type { OrtModule } from "./runtime.ts";

export { openOnnxFile, type OnnxFace, type OnnxFile, type OnnxValues } from "./onnx-file.ts";

export interface NodeCpuEngineOptions {
  /** 1 unless said otherwise: workers are processes, and several of them share a machine better than several threads in one. */
  readonly threads?: number;
}

/** @throws TabgradError ENGINE_UNAVAILABLE where the native library does not load */
export async function createNodeCpuEngine({ threads = 1 }: NodeCpuEngineOptions = {}): Promise<Engine> {
  const ort = await loadRuntime();
  const version = ort.env.versions.node ?? ort.env.versions.common;
  const description = `ONNX Runtime ${version}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  return createCpuEngine({ ort: ort satisfies OrtModule, threads, results: "written", description });
}
