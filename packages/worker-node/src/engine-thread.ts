// The thread of the engine: a run of ONNX Runtime blocks its thread, and the socket must not wait for it.
import { type Engine, EngineCompute } from "@tabgrad/core";
import { parentPort, workerData } from "node:worker_threads";
import { openEngine } from "./engines.ts";
import { ThreadCalls } from "./thread-calls.ts";
import { type Call, failureOf, type Reply, type ThreadOptions } from "./thread-messages.ts";

const port = parentPort!;

const post = (reply: Reply): void => port.postMessage(reply);

/** One call after another: the buffers of flat vectors are shared by all of them. */
function serve(engine: Engine): void {
  const calls = new ThreadCalls(new EngineCompute(engine));
  let last = Promise.resolve();
  port.on("message", (call: Call) => {
    last = last.then(async () => {
      post(await calls.make(call));
      // With nothing left to listen to, the thread ends.
      if (call.method === "close") await engine.close().finally(() => port.close());
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
