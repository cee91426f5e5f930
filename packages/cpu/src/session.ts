// One graph in ONNX Runtime: lowered, compiled once, run with tensors that lie in the caller's arrays.
import { TabgradError, type Graph } from "@tabgrad/core";
import { encodeModel, lowerGraph } from "./onnx/index.ts";
import type { OrtModule, OrtSession, OrtSessionOptions, OrtTensor } from "./runtime.ts";

export interface Session {
  /** Names of the tensors that a run reads: a subset of the graph's inputs and parameters. */
  readonly inputs: readonly string[];
  /** Writes every output into the tensor given for it. @throws TabgradError ENGINE_FAILED */
  run(feeds: Readonly<Record<string, OrtTensor>>, fetches: Readonly<Record<string, OrtTensor>>): Promise<void>;
  close(): Promise<void>;
}

/** @throws TabgradError ENGINE_UNSUPPORTED, ENGINE_FAILED */
export async function createSession(graph: Graph, ort: OrtModule, threads: number): Promise<Session> {
  const model = lowerGraph(graph);
  const options = sessionOptions(threads);
  const session: OrtSession = await ort.InferenceSession.create(encodeModel(model), options).catch((error: unknown) => {
    throw failed("could not compile the model", error);
  });
  return {
    inputs: model.graph.inputs.map((input) => input.name),
    async run(feeds, fetches) {
      await session.run(feeds, fetches).catch((error: unknown) => {
        throw failed("failed", error);
      });
    },
    close: () => session.release(),
  };
}

/** What each setting is worth stands in README.md. */
const sessionOptions = (threads: number): OrtSessionOptions => ({
  executionProviders: ["cpu"],
  intraOpNumThreads: threads,
  // One operation at a time, each with all threads: nothing to share between operations.
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  enableCpuMemArena: true,
  enableMemPattern: true,
  // Errors only: they come back as exceptions, and a worker's stderr is for the user's log.
  logSeverityLevel: 4,
  // Threads that wait by spinning take the core from the thread that reads the socket. Denormals stay: ONNX Runtime would set
  // their flushing for the whole thread, and once in a process, so that results depended on which session came first.
  extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
});

export function failed(what: string, error: unknown): TabgradError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TabgradError(
    "ENGINE_FAILED",
    `The cpu engine (ONNX Runtime) ${what}: ${reason}`,
    "Run `tabgrad doctor`; if the engine works there, report this.",
    {
      cause: error,
    },
  );
}
