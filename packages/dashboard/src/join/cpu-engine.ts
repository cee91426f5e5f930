// The CPU engine of a tab: ONNX Runtime as WebAssembly. The only module that names it, so that it is loaded with this one alone.
import type { Engine } from "@tabgrad/core";
import { createCpuEngine, type OrtModule } from "@tabgrad/cpu";
import * as ort from "onnxruntime-web/wasm";
import { nextTurn } from "./next-turn.ts";

/**
 * One thread, as in a Node worker: gradients then do not depend on the machine, and a phone stays usable.
 * The runtime's glue comes with this module, and its .wasm file from beside it.
 */
const threads = 1;

export async function openCpuEngine(): Promise<Engine> {
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.proxy = false;
  ort.env.logLevel = "error";
  const description = `ONNX Runtime ${ort.env.versions.web ?? ort.env.versions.common}, WebAssembly, 1 thread`;
  return createCpuEngine({ ort: yielding, threads, results: "returned", description });
}

/** A run blocks this thread until it is done. The socket is read between runs: pings want an answer in the middle of a long assignment. */
const yielding: OrtModule = {
  Tensor: ort.Tensor,
  InferenceSession: {
    async create(model, options) {
      const session = await ort.InferenceSession.create(model, { ...options });
      return {
        async run(feeds, fetches) {
          await nextTurn();
          return session.run(feeds as never, fetches as never);
        },
        release: () => session.release(),
      };
    },
  },
};
