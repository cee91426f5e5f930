// What the Worker found out about the machine that it is on: facts, without a judgement. preflight.ts judges.
import type { EngineProof } from "@tabgrad/core";
import type { Failure } from "./messages.ts";

export interface AdapterFinding {
  /** For people: "apple metal-3". */
  readonly name: string;
  /** Whether this "GPU" is a program on the CPU. */
  readonly software: boolean;
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupStorageSize: number;
}

/** A question is answered when its key is there; nothing is asked that an earlier answer made idle. */
export interface Findings {
  /** Browsers show a GPU to https and to this machine's own pages only. */
  readonly secure: boolean;
  /** Whether there is `navigator.gpu`. */
  readonly webgpu: boolean;
  /** Whether there is `WebAssembly`, which computing on the CPU takes. */
  readonly webAssembly: boolean;
  /** null where the browser has none to give. */
  readonly adapter?: AdapterFinding | null;
  /** Whether the adapter gave a device. */
  readonly device?: "opened" | Failure;
  /** What computing a known gradient came to. */
  readonly proof?: EngineProof | Failure;
  /** Nothing more is coming. */
  readonly complete: boolean;
}
