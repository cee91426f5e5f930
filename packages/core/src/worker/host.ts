// What a worker's session needs of the program it runs in: a process, a tab, or a test.
import type { ShardInfo } from "../data/layout.ts";
import type { SessionReport, SessionState } from "./state.ts";
import type { TabgradError } from "../errors.ts";

export interface SocketEvents {
  opened(): void;
  /** One binary message. What it does not copy before it returns may be overwritten. */
  message(frame: Uint8Array): void;
  /** Once, whatever happened before. `error`: why the socket could not be opened, or broke. */
  closed(code: number, reason: string, error?: TabgradError): void;
}

/** A WebSocket to the coordinator. */
export interface WorkerSocket {
  /** `sent` is called when the frame has left this process and its buffer may be written to again: later, and not if it never does. */
  send(frame: Uint8Array<ArrayBuffer>, sent?: () => void): void;
  /** Says goodbye to the peer, after what was sent before. */
  close(code: number, reason: string): void;
  /** Closes at once, whether the peer answers or not. */
  abort(): void;
}

export interface WorkerHost {
  /** Milliseconds of a steady clock. */
  now(): number;
  /** Calls `fire` after `ms`; returns what cancels that. */
  timer(ms: number, fire: () => void): () => void;
  /** Finds the coordinator and opens a socket to it. Calls back later, never before it returns. */
  openSocket(events: SocketEvents): WorkerSocket;
  /** The bytes of a shard, not verified. Rejects with a TabgradError. */
  fetchShard(shard: ShardInfo, signal: AbortSignal): Promise<ArrayBuffer>;
  /** SHA-256 in lower-case hexadecimal digits. */
  sha256(bytes: ArrayBuffer): string | Promise<string>;
  report(report: SessionReport): void;
  /** Called after every change, for pages that show it. */
  changed?(state: SessionState): void;
}
