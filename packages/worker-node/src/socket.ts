// A WebSocket to the coordinator for the session: looks who is there first, then opens the socket, with what makes `ws` fast.
import type { TabgradError } from "@tabgrad/core";
import { bounds, type SocketEvents, subprotocol, workerPath, type WorkerSocket } from "@tabgrad/core";
import { WebSocket } from "ws";
import { discover, unreachable } from "./discover.ts";
import type { HttpClient } from "./http-client.ts";

/** How long the opening handshake may take. */
const handshakeMs = 10_000;
/** What `ws` reports where a connection ended without a closing handshake. */
const abnormal = 1006;

export class NodeSocket implements WorkerSocket {
  readonly #url: string;
  readonly #http: HttpClient;
  readonly #events: SocketEvents;
  readonly #abort = new AbortController();
  #socket: WebSocket | undefined;
  #error: TabgradError | undefined;
  #isClosed = false;

  constructor(url: string, http: HttpClient, events: SocketEvents) {
    this.#url = url;
    this.#http = http;
    this.#events = events;
    discover(url, http, this.#abort.signal).then(
      () => this.#open(),
      (error: unknown) => this.#closed(abnormal, "", error as TabgradError),
    );
  }

  send(frame: Uint8Array<ArrayBuffer>, sent?: () => void): void {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#socket.send(frame, (error) => {
      if (!error) sent?.();
    });
  }

  close(code: number, reason: string): void {
    if (this.#socket) this.#socket.close(code, reason);
    else this.abort();
  }

  abort(): void {
    this.#abort.abort();
    this.#socket?.terminate();
    if (!this.#socket) queueMicrotask(() => this.#closed(abnormal, ""));
  }

  #open(): void {
    if (this.#isClosed) return;
    const address = new URL(workerPath, this.#url);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, subprotocol, {
      perMessageDeflate: false,
      maxPayload: bounds.frameBytes,
      handshakeTimeout: handshakeMs,
      ca: this.#http.ca,
      // A mask of zeros saves both ends the work of masking. What it protects from, a page that makes a browser send bytes of its
      // choice through a proxy, is no matter of a process that speaks for itself.
      generateMask: (mask) => mask.fill(0),
    });
    this.#socket = socket;
    socket.on("open", () => this.#events.opened());
    socket.on("message", (data) => this.#events.message(data as Buffer));
    socket.on("error", (error) => (this.#error = unreachable(this.#url, error.message, error)));
    socket.on("close", (code, reason) => this.#closed(code, reason.toString(), this.#error));
  }

  #closed(code: number, reason: string, error?: TabgradError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events.closed(code, reason, error);
  }
}
