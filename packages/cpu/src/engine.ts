// The CPU engine: ONNX Runtime, whichever build of it the host brings.
import { inMode, TabgradError, type Engine, type Precision } from "@tabgrad/core";
import { checkOperations } from "./onnx/index.ts";
import { CpuProgram } from "./program.ts";
import type { OrtModule, ResultDelivery } from "./runtime.ts";

export interface CpuEngineOptions {
  /** onnxruntime-node or onnxruntime-web, or something like them. */
  readonly ort: OrtModule;
  /** Threads that one operation is spread over, the calling one included. Results are bit-identical only for one number of them, or if compiled so. */
  readonly threads: number;
  /** What `ort` does with tensors given for its results: "written" for onnxruntime-node, "returned" for onnxruntime-web. */
  readonly results: ResultDelivery;
  /** For people: "ONNX Runtime 1.30.0, 1 thread". */
  readonly description: string;
}

/**
 * An engine on ONNX Runtime. A run may block the calling thread until it is done, so hosts that have a socket to read give the engine a
 * thread of its own. Arrays must lie in plain ArrayBuffers.
 */
export function createCpuEngine({ ort, threads, results, description }: CpuEngineOptions): Engine {
  const programs = new Set<CpuProgram>();
  return {
    kind: "cpu",
    device: description,
    async compile(forward, { reproducible = false, precision = "float32" } = {}) {
      if (precision !== "float32") throw onlyFloat32(precision);
      checkOperations(inMode(forward, "training"));
      // How ONNX Runtime cuts a matrix product, and so in which order it adds, depends on the number of threads.
      const runtime = { ort, threads: reproducible ? 1 : threads, results };
      const program: CpuProgram = new CpuProgram(forward, runtime, () => programs.delete(program));
      programs.add(program);
      return program;
    },
    async close() {
      await Promise.all([...programs].map((program) => program.close()));
    },
  };
}

const onlyFloat32 = (precision: Precision): TabgradError =>
  new TabgradError(
    "ENGINE_UNSUPPORTED",
    `the run is in ${precision} precision; the cpu engine computes in float32 alone`,
    'Join with --engine gpu on a GPU that has shader-f16, or start the run with precision: "float32".',
  );
