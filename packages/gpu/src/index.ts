// @tabgrad/gpu: the WebGPU engine. README.md tells how a graph becomes dispatches. Node's way to an adapter is `@tabgrad/gpu/node`.
export { isSoftware, reportAdapter, requestDevice, type AdapterReport } from "./device/adapter.ts";
export { createGpuEngine, type GpuEngine, type GpuEngineOptions } from "./engine.ts";
export { GpuProgram } from "./program.ts";
