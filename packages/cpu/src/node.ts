// The CPU engine for Node: the native ONNX Runtime.
import type { Engine } from "@tabgrad/core";
import { TabgradError } from "@tabgrad/core";
import { createCpuEngine } from "./engine.ts";
import type { OrtModule } from "./runtime.ts";

export interface NodeCpuEngineOptions {
  /** 1 unless said otherwise: workers are processes, and several of them share a machine better than several threads in one. */
  readonly threads?: number;
}

/** @throws TabgradError ENGINE_UNAVAILABLE where the native library does not load */
export async function createNodeCpuEngine({ threads = 1 }: NodeCpuEngineOptions = {}): Promise<Engine> {
  const ort = await import("onnxruntime-node").catch((error: unknown) => {
    throw new TabgradError(
      "ENGINE_UNAVAILABLE",
      `The cpu engine's library, onnxruntime-node, does not load on ${process.platform}-${process.arch}: ${(error as Error).message}`,
      "Install again with `npm ci`, without leaving out optional files, or use the gpu engine.",
      { cause: error },
    );
  });
  // What is wrong comes back as an exception; a worker's stderr is for the user's log.
  ort.env.logLevel = "error";
  const version = ort.env.versions.node ?? ort.env.versions.common;
  const description = `ONNX Runtime ${version}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  return createCpuEngine({ ort: ort satisfies OrtModule, threads, results: "written", description });
}
