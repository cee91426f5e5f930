// One graph in ONNX Runtime: lowered, compiled once, run with tensors that lie in the caller's arrays.
import { graphInputs, TabgradError, type Graph, type NodeFor } from "@tabgrad/core";
import { encodeModel, lowerGraph } from "./onnx/index.ts";
import type { OrtModule, OrtSession, OrtSessionOptions, OrtTensors, ResultDelivery } from "./runtime.ts";

/** The runtime, and how to use it. */
export interface Runtime {
  readonly ort: OrtModule;
  readonly threads: number;
  readonly results: ResultDelivery;
}

export interface Session {
  /** What it is fed of a batch. */
  readonly inputs: ReturnType<typeof graphInputs>;
  /** The random numbers that it is fed. */
  readonly uniforms: readonly NodeFor<"uniform">[];
  /** Writes every result into the tensor given for it; feeds that the graph does not read are ignored. @throws TabgradError ENGINE_FAILED */
  run(feeds: OrtTensors, targets: OrtTensors): Promise<void>;
  close(): Promise<void>;
}

/** @throws TabgradError ENGINE_UNSUPPORTED, ENGINE_FAILED */
export async function createSession(graph: Graph, { ort, threads, results }: Runtime): Promise<Session> {
  const model = encodeModel(lowerGraph(graph));
  const session = await ort.InferenceSession.create(model, sessionOptions(threads)).catch((error: unknown) => {
    throw failed("could not compile the model", error);
  });
  const run = results === "written" ? runInPlace : runAndCopy;
  return {
    inputs: graphInputs(graph),
    uniforms: graph.nodes.filter((node) => node.operation === "uniform"),
    async run(feeds, targets) {
      await run(session, feeds, targets).catch((error: unknown) => {
        throw failed("failed", error);
      });
    },
    close: () => session.release(),
  };
}

async function runInPlace(session: OrtSession, feeds: OrtTensors, targets: OrtTensors): Promise<void> {
  await session.run(feeds, targets);
}

async function runAndCopy(session: OrtSession, feeds: OrtTensors, targets: OrtTensors): Promise<void> {
  const results = await session.run(feeds, Object.keys(targets));
  for (const [name, result] of Object.entries(results)) {
    (targets[name].data as Float32Array).set(result.data as Float32Array);
    result.dispose();
  }
}

/** What each setting is worth stands in README.md. */
export const sessionOptions = (threads: number): OrtSessionOptions => ({
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
  // Denormals stay: ONNX Runtime would set their flushing for the whole thread, and once in a process, so that results depended on
  // which session came first.
  extra: {
    // Threads that wait by spinning take the core from the thread that reads the socket.
    session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } },
    // The first would turn a transposed left side back into the slower flag; the second makes one node of a sum and its normalisation, which
    // is slower than the two, and less exact.
    optimization: { disable_specified_optimizers: "GemmTransposeFusion;SkipLayerNormFusion" },
  },
});

function failed(what: string, error: unknown): TabgradError {
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
