// What the main thread and the engine's thread say to each other. Shards are transferred. Flat vectors cross in shared memory that is
// used again and again: transferring one to and fro in every step makes the garbage collectors of both threads work harder than the
// engine. ONNX Runtime refuses shared memory, so the engine's thread copies from and to buffers of its own.
import { type Compute, type ComputeRequest, type EngineKind, type ErrorCode, TabgradError } from "@tabgrad/core";

export type EngineChoice = EngineKind | "auto";

/** What the thread is started with. */
export interface ThreadOptions {
  readonly kind: EngineChoice;
  /** Of the CPU engine. Default: 1. */
  readonly threads?: number;
}

/** `Compute`'s methods with their input as it crosses: flat vectors in shared memory. */
interface Inputs {
  load: Parameters<Compute["load"]>;
  putShard: Parameters<Compute["putShard"]>;
  dropShard: Parameters<Compute["dropShard"]>;
  setParameters: [parameters: SharedArrayBuffer];
  run: [request: Omit<ComputeRequest, "gradients">, gradients: SharedArrayBuffer | undefined];
  close: [];
}

type Method = keyof Inputs;

/** A call of one of the methods of `Compute`. Calls are made in the order in which they arrive. */
export type Call = { [M in Method]: { readonly id: number; readonly method: M; readonly input: Inputs[M] } }[Method];

/** An error, as far as it survives the way between threads. */
export interface Failure {
  readonly code?: ErrorCode;
  readonly message: string;
  readonly remedy?: string;
}

export type Reply =
  /** `reason`: why this engine, in one line. */
  | { readonly type: "opened"; readonly kind: EngineKind; readonly device: string; readonly reason: string }
  | { readonly type: "unavailable"; readonly failure: Failure }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "failure"; readonly id: number; readonly failure: Failure };

export function failureOf(error: unknown): Failure {
  if (error instanceof TabgradError) return { code: error.code, message: error.message, remedy: error.remedy };
  return { message: error instanceof Error ? error.message : String(error) };
}

export function errorOf({ code, message, remedy }: Failure): TabgradError {
  return new TabgradError(code ?? "ENGINE_FAILED", message, remedy ?? "Run `tabgrad doctor` on this machine.");
}
