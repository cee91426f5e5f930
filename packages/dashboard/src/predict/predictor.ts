// Who computes predictions in the viewer's browser: its GPU where it has one, else plain float64 arithmetic, which is always there.
import { evaluate, featuresField, inferenceGraph, predictionOutput, type Graph } from "@tabgrad/core";

/** Calls do not overlap: await one before the next. */
export interface Predictor {
  /** For people: "Apple M2", "this browser's CPU". */
  readonly device: string;
  /** How many rows to ask about at once, where a call costs more than its rows do. */
  readonly rowsOfCall?: number;
  /** @param parameters the flat vector; must not be written to any more */
  setParameters(parameters: Float32Array): Promise<void>;
  /** @param features [rows, …], as they are stored; returns the output "prediction", [rows, …] */
  predict(features: Float32Array, rows: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/** The graph of the model alone, which needs no labels. @throws TabgradError GRAPH_INVALID */
export const predictionGraphOf = (graph: Graph): Graph => inferenceGraph(graph, 1);

/** @param graph a prediction graph */
export function createPlainPredictor(graph: Graph): Predictor {
  // For each number of rows; there are few (see budget.ts).
  const graphs = new Map<number, Graph>();
  let parameters: Float32Array = new Float32Array();
  const graphOf = (rows: number): Graph => {
    const made = graphs.get(rows) ?? inferenceGraph(graph, rows);
    graphs.set(rows, made);
    return made;
  };
  return {
    device: "this browser's CPU",
    async setParameters(values) {
      parameters = values;
    },
    async predict(features, rows) {
      return Float32Array.from(evaluate(graphOf(rows), { [featuresField]: features }, parameters)[predictionOutput].data);
    },
    async close() {},
  };
}

/** A browser takes milliseconds to read back a result, however small. */
const gpuRows = 128;

/** Undefined where this browser has no GPU of its own: a software one is slower than the plain predictor. */
async function createGpuPredictor(graph: Graph): Promise<Predictor | undefined> {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return undefined;
  const { createGpuEngine, isSoftware, reportAdapter } = await import("@tabgrad/gpu");
  if (isSoftware(reportAdapter(adapter))) return undefined;
  const engine = await createGpuEngine({ adapter });
  const program = await engine.compile(graph);
  return {
    device: engine.device,
    rowsOfCall: gpuRows,
    setParameters: (values) => program.setParameters(values),
    async predict(features, samples) {
      // Two programs do for everything: one for whoever draws, one for many samples.
      const rows = samples === 1 ? 1 : gpuRows * Math.ceil(samples / gpuRows);
      const padded = new Float32Array((features.length / samples) * rows);
      padded.set(features);
      const weights = new Float32Array(rows).fill(1, 0, samples);
      return program.predict({ rows, samples, inputs: { [featuresField]: padded }, weights });
    },
    close: () => engine.close(),
  };
}

/** The best predictor for this browser. A GPU that fails, at the start or later, is replaced by the plain one for good. */
export async function createPredictor(graph: Graph): Promise<Predictor> {
  const gpu = await createGpuPredictor(graph).catch(() => undefined);
  return gpu ? replaceable(gpu, () => createPlainPredictor(graph)) : createPlainPredictor(graph);
}

/** Goes over to another predictor at the first failure, and asks it again. */
export function replaceable(first: Predictor, makeSecond: () => Predictor): Predictor {
  let current = first;
  let parameters: Float32Array | undefined;
  const fallBack = async (failed: Predictor): Promise<Predictor> => {
    if (current === failed) {
      current = makeSecond();
      await failed.close().catch(() => {});
    }
    if (parameters) await current.setParameters(parameters);
    return current;
  };
  return {
    get device() {
      return current.device;
    },
    get rowsOfCall() {
      return current.rowsOfCall;
    },
    async setParameters(values) {
      parameters = values;
      const used = current;
      await used.setParameters(values).catch(async (error: unknown) => {
        if (used !== first) throw error;
        await fallBack(used);
      });
    },
    async predict(features, rows) {
      const used = current;
      return used.predict(features, rows).catch(async (error: unknown) => {
        if (used !== first) throw error;
        return (await fallBack(used)).predict(features, rows);
      });
    },
    close: () => current.close(),
  };
}
