// The browser's WebSocket for the session: looks who is there first, then opens the socket, and counts what passes.
import { type SocketEvents, subprotocol, type TabgradError, workerPath, type WorkerSocket } from "@tabgrad/core";
import { discover, unreachable } from "./discover.ts";
import { Outbox } from "./outbox.ts";
import type { Traffic } from "./traffic.ts";

/** What browsers report where a connection ended without a closing handshake. */
const abnormal = 1006;
/** Bytes of the longest reason that a closing handshake can carry (RFC 6455 §5.5). */
const reasonBytes = 123;

export class TabSocket implements WorkerSocket {
  readonly #url: string;
  readonly #traffic: Traffic;
  readonly #events: SocketEvents;
  readonly #abort = new AbortController();
  readonly #outbox: Outbox;
  #socket: WebSocket | undefined;
  #wasOpen = false;
  #isClosed = false;

  constructor(url: string, traffic: Traffic, events: SocketEvents) {
    this.#url = url;
    this.#traffic = traffic;
    this.#events = events;
    this.#outbox = new Outbox({
      buffered: () => this.#socket?.bufferedAmount ?? 0,
      timer: (ms, fire) => void setTimeout(fire, ms),
    });
    discover(url, this.#abort.signal).then(
      () => this.#open(),
      (error: unknown) => this.#closed(abnormal, "", error as TabgradError),
    );
  }

  send(frame: Uint8Array<ArrayBuffer>, sent?: () => void): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(frame);
    this.#traffic.up += frame.byteLength;
    this.#outbox.add(frame.byteLength, sent);
  }

  close(code: number, reason: string): void {
    if (this.#socket) this.#socket.close(code, shortened(reason));
    else this.abort();
  }

  abort(): void {
    this.#abort.abort();
    this.#socket?.close();
    queueMicrotask(() => this.#closed(abnormal, ""));
  }

  #open(): void {
    if (this.#isClosed) return;
    const address = new URL(workerPath, this.#url);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, subprotocol);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#wasOpen = true;
      if (!this.#isClosed) this.#events.opened();
    };
    socket.onmessage = ({ data }) => {
      if (this.#isClosed) return;
      // The coordinator sends binary messages only; as text, this is a message of no known kind.
      const frame = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data as ArrayBuffer);
      this.#traffic.down += frame.byteLength;
      this.#events.message(frame);
    };
    socket.onclose = ({ code, reason }) => this.#closed(code, reason, this.#wasOpen ? undefined : unreachable(this.#url));
  }

  #closed(code: number, reason: string, error?: TabgradError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outbox.close();
    this.#events.closed(code, reason, error);
  }
}

/** As much of it as fits, without half a character at the end. */
function shortened(reason: string): string {
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(reasonBytes));
  return reason.slice(0, read);
}
