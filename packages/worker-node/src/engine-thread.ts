// The thread of the engine: a run of ONNX Runtime blocks its thread, and the socket must not wait for it.
import { type Engine, EngineCompute } from "@tabgrad/core";
import { parentPort, workerData } from "node:worker_threads";
import { openEngine } from "./engines.ts";
import { type Call, failureOf, type Reply, settleCall, type ThreadOptions } from "./thread-messages.ts";

const port = parentPort!;

function post(reply: Reply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(reply, transfer);
}

function serve(engine: Engine): void {
  const compute = new EngineCompute(engine);
  port.on("message", (call: Call) => {
    void settleCall(compute, call).then(async ({ reply, transfer }) => {
      post(reply, transfer);
      if (call.method !== "close") return;
      // With nothing left to listen to, the thread ends.
      await engine.close().finally(() => port.close());
    });
  });
}

try {
  const { kind, threads } = workerData as ThreadOptions;
  const { engine, reason } = await openEngine(kind, { threads });
  serve(engine);
  post({ type: "opened", kind: engine.kind, device: engine.device, reason });
} catch (error) {
  post({ type: "unavailable", failure: failureOf(error) });
}
