// The thread of the engine: a run of ONNX Runtime blocks its thread, and the socket must not wait for it.
import { EngineCompute } from "@tabgrad/core";
import { parentPort, workerData } from "node:worker_threads";
import { openProvenEngine } from "./engines.ts";
import { ThreadCalls } from "./thread-calls.ts";
import { type Call, failureOf, type Reply, type ThreadOptions } from "./thread-messages.ts";

const port = parentPort!;

const post = (replies: readonly Reply[]): void => port.postMessage(replies);

/** One call after another: the buffers of flat vectors are shared by all of them. Calls that came together are answered together. */
function serve(compute: EngineCompute): void {
  const calls = new ThreadCalls(compute);
  let last = Promise.resolve();
  port.on("message", (batch: readonly Call[]) => {
    last = last.then(async () => {
      const replies: Reply[] = [];
      for (const call of batch) replies.push(await calls.make(call));
      post(replies);
      // With nothing left to listen to, the thread ends.
      if (batch.some(({ method }) => method === "close")) port.close();
    });
  });
}

try {
  const { kind, threads } = workerData as ThreadOptions;
  const { engine, reason } = await openProvenEngine(kind, { threads });
  // The kind that the coordinator was told, whatever "auto" would find later.
  const reopen = async () => (await openProvenEngine(engine.kind, { threads })).engine;
  serve(new EngineCompute(engine, { reopen }));
  post([{ type: "opened", kind: engine.kind, device: engine.device, reason }]);
} catch (error) {
  post([{ type: "unavailable", failure: failureOf(error) }]);
}
