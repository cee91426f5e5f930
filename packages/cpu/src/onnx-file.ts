// Runs any ONNX model, ours or another's, in ONNX Runtime as it is: what exports and imports are compared with.
import { TabgradError } from "@tabgrad/core";
import { loadRuntime } from "./load-runtime.ts";

/** An input or output of a model: a string, or null, stands for a dimension that only a run knows. */
export interface OnnxFace {
  readonly name: string;
  /** "float32", "int64" and so on. */
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxFile {
  readonly inputs: readonly OnnxFace[];
  readonly outputs: readonly OnnxFace[];
  /**
   * @param feeds by name: values and shape; they are converted to the type of the input
   * @returns the outputs by name
   * @throws TabgradError ENGINE_FAILED
   */
  run(feeds: Readonly<Record<string, OnnxValues>>): Promise<Record<string, OnnxValues>>;
  close(): Promise<void>;
}

export interface OnnxValues {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** @throws TabgradError ENGINE_UNAVAILABLE without ONNX Runtime, ENGINE_FAILED where it does not take the model */
export async function openOnnxFile(path: string): Promise<OnnxFile> {
  const ort = await loadRuntime();
  const fail = (error: unknown): never => {
    const message = `ONNX Runtime does not run ${path}: ${(error as Error).message}`;
    throw new TabgradError("ENGINE_FAILED", message, "Check that the file is a whole ONNX model.", { cause: error });
  };
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 1 }).catch(fail);
  const faces = (metadata: typeof session.inputMetadata): OnnxFace[] =>
    metadata.flatMap((value) => (value.isTensor ? [{ name: value.name, type: value.type, shape: value.shape }] : []));
  const inputs = faces(session.inputMetadata);
  return {
    inputs,
    outputs: faces(session.outputMetadata),
    async run(feeds) {
      const tensors = inputs.map(({ name, type }) => {
        const { data, shape } = feeds[name];
        return [name, type === "int64" ? new ort.Tensor(BigInt64Array.from(data, BigInt), shape) : new ort.Tensor(data, shape)];
      });
      const results = await session.run(Object.fromEntries(tensors) as never).catch(fail);
      return Object.fromEntries(
        Object.entries(results).map(([name, { data, dims }]) => [
          name,
          { shape: dims, data: Float32Array.from(data as Iterable<number | bigint>, Number) },
        ]),
      );
    },
    close: () => session.release(),
  };
}
