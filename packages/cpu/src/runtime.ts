// The part of ONNX Runtime's JavaScript interface that the engine uses. onnxruntime-node and onnxruntime-web both have it, so the host
// decides which one it is. https://onnxruntime.ai/docs/api/js/

export interface OrtTensor {
  readonly data: unknown;
  /** Frees what the runtime holds for it. */
  dispose(): void;
}

/** Tensors by name. */
export type OrtTensors = Readonly<Record<string, OrtTensor>>;

export interface OrtSession {
  /** @param fetches tensors that the results are to be written into, or only the results' names */
  run(feeds: OrtTensors, fetches: Readonly<Record<string, OrtTensor | null>> | readonly string[]): Promise<OrtTensors>;
  /** Frees the native session. */
  release(): Promise<void>;
}

/** See InferenceSession.SessionOptions. */
export interface OrtSessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly executionMode: "sequential";
  readonly graphOptimizationLevel: "all";
  readonly enableCpuMemArena: boolean;
  readonly enableMemPattern: boolean;
  readonly logSeverityLevel: 0 | 1 | 2 | 3 | 4;
  readonly extra: Record<string, unknown>;
}

/**
 * What a runtime does with tensors that it is given for its results. onnxruntime-node writes into them; onnxruntime-web (1.30) accepts
 * them and leaves them as they are, without a word.
 */
export type ResultDelivery = "written" | "returned";

export interface OrtModule {
  readonly InferenceSession: { create(model: Uint8Array, options: OrtSessionOptions): Promise<OrtSession> };
  readonly Tensor: new (type: "float32", data: Float32Array, dimensions: readonly number[]) => OrtTensor;
}
