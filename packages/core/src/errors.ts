// Every failure that a user or a peer can cause: a stable code, one message with its remedy, and the exit code of the command.
// docs/errors.md lists them all; a test holds the two together.

/** Exit codes of the `tabgrad` command, one for each kind of failure. 0 is success and nothing else. */
export const exitCodes = {
  /** A defect in tabgrad: please report it. */
  internal: 1,
  /** The command line or the run file. */
  usage: 2,
  /** The dataset or a checkpoint. */
  data: 3,
  /** Port, address, protocol, connection. */
  network: 4,
  /** The engine asked for is not there, or failed. */
  engine: 5,
  /** Training diverged: loss or gradient is not finite. */
  diverged: 6,
  /** Stopped by a signal; a checkpoint was written. 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

export type ExitKind = keyof typeof exitCodes;

/** Stable codes. Never rename one: scripts and other languages compare them. */
export const errorKinds = {
  RUN_FILE_NOT_FOUND: "usage",
  RUN_FILE_UNREADABLE: "usage",
  RUN_FILE_INVALID: "usage",
  OPTION_INVALID: "usage",
  MODEL_INVALID: "usage",
  MODEL_TOO_LARGE: "usage",
  GRAPH_INVALID: "usage",
  OUTPUT_UNWRITABLE: "usage",
  OUTPUT_IN_USE: "usage",
  RESUME_IMPOSSIBLE: "usage",
  TLS_INVALID: "usage",
  DATA_NOT_FOUND: "data",
  DATA_UNREADABLE: "data",
  DATA_IDX_INVALID: "data",
  DATA_CSV_INVALID: "data",
  DATA_NPY_INVALID: "data",
  DATA_CIFAR_INVALID: "data",
  DATA_JSON_INVALID: "data",
  DATA_PARQUET_INVALID: "data",
  DATA_ARROW_INVALID: "data",
  DATA_IMAGE_INVALID: "data",
  DATA_TEXT_INVALID: "data",
  DATA_FETCH_FAILED: "data",
  DATA_CACHE_UNUSABLE: "data",
  DATA_LABEL_OUT_OF_RANGE: "data",
  DATA_TOO_SMALL: "data",
  DATA_SHARD_CORRUPT: "data",
  DATA_CHANGED: "data",
  CHECKPOINT_INVALID: "data",
  ONNX_INVALID: "data",
  ONNX_UNSUPPORTED: "data",
  AUDIT_FAILED: "data",
  PORT_IN_USE: "network",
  ADDRESS_UNAVAILABLE: "network",
  NOT_A_COORDINATOR: "network",
  COORDINATOR_UNREACHABLE: "network",
  PROTOCOL_VERSION: "network",
  PROTOCOL_VIOLATION: "network",
  CONNECTION_LOST: "network",
  CERTIFICATE_UNTRUSTED: "network",
  CONTROL_REFUSED: "network",
  WORKER_QUARANTINED: "network",
  ENGINE_MISMATCH: "engine",
  ENGINE_UNAVAILABLE: "engine",
  ENGINE_UNSUPPORTED: "engine",
  ENGINE_FAILED: "engine",
  WORKERS_FAILED: "engine",
  DIVERGED: "diverged",
  INTERRUPTED: "interrupted",
  INTERNAL: "internal",
} as const satisfies Record<string, ExitKind>;

export type ErrorCode = keyof typeof errorKinds;

/**
 * A failure with a name. `message` says what came and what was expected; `remedy` says what to do about it.
 * Anything else that is thrown is a defect of tabgrad.
 */
export class TabgradError extends Error {
  override readonly name = "TabgradError";
  readonly code: ErrorCode;
  readonly remedy: string;

  constructor(code: ErrorCode, message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.remedy = remedy;
  }

  get exitCode(): number {
    return exitCodes[errorKinds[this.code]];
  }
}

/** WebSocket close codes of the protocol (4000 to 4999 are an application's own). */
export const closeCodes = {
  /** The peer speaks another version of the protocol. */
  protocolVersion: 4001,
  /** A frame that the protocol does not allow: malformed, out of range, at the wrong time. */
  protocolViolation: 4002,
  /** The coordinator does not want this worker (dropped, quarantined, run over). */
  refused: 4003,
} as const;
