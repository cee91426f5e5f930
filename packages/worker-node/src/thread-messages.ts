// What the main thread and the engine's thread say to each other. ArrayBuffers are transferred, never copied and never shared:
// ONNX Runtime refuses shared ones.
import { type Compute, type EngineKind, type ErrorCode, TabgradError } from "@tabgrad/core";

export type EngineChoice = EngineKind | "auto";

/** What the thread is started with. */
export interface ThreadOptions {
  readonly kind: EngineChoice;
  /** Of the CPU engine. Default: 1. */
  readonly threads?: number;
}

type Method = keyof Compute;

/** A call of one of the methods of `Compute`. Calls are made in the order in which they arrive. */
export type Call = { [M in Method]: { readonly id: number; readonly method: M; readonly input: Parameters<Compute[M]> } }[Method];

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

/** The buffers of a message, wherever in it they are. */
export function buffersOf(values: readonly unknown[]): ArrayBuffer[] {
  return values.flatMap((value) => {
    if (value instanceof ArrayBuffer) return [value];
    const { gradients } = (value ?? {}) as { gradients?: unknown };
    return gradients instanceof ArrayBuffer ? [gradients] : [];
  });
}

/** Makes a call, and puts what came of it into words. */
export async function settleCall(compute: Compute, call: Call): Promise<{ reply: Reply; transfer: ArrayBuffer[] }> {
  try {
    const value = await invoke(compute, call);
    return { reply: { type: "result", id: call.id, value }, transfer: buffersOf([value]) };
  } catch (error) {
    return { reply: { type: "failure", id: call.id, failure: failureOf(error) }, transfer: [] };
  }
}

function invoke(compute: Compute, { method, input }: Call): Promise<unknown> {
  switch (method) {
    case "load":
      return compute.load(...input);
    case "putShard":
      return compute.putShard(...input);
    case "dropShard":
      return compute.dropShard(...input);
    case "setParameters":
      return compute.setParameters(...input);
    case "run":
      return compute.run(...input);
    case "close":
      return compute.close();
    default:
      return method satisfies never;
  }
}
