// ONNX Runtime for Node, loaded when somebody needs it.
import { TabgradError } from "@tabgrad/core";
import type * as OnnxRuntime from "onnxruntime-node";

/** @throws TabgradError ENGINE_UNAVAILABLE where the native library does not load */
export async function loadRuntime(): Promise<typeof OnnxRuntime> {
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
  return ort;
}
