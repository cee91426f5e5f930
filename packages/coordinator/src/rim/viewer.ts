// One page that watches: its socket, what it asks for, and whether it keeps up.
import { watchRequestSchema, watchSubprotocol, type WatchRecord, type WatchRequest } from "@tabgrad/core";
import { Packr } from "msgpackr";
import type { RawData, WebSocket } from "ws";

/** What may wait to be sent to a page; beyond it nothing is added until all of it is gone. */
const maxBacklogBytes = 2 ** 20;

/** WebSocket close codes (RFC 6455 §7.4.1). */
export const viewerCloseCodes = { inOrder: 1000, nonsense: 1008, tooMany: 1013 } as const;

/** A close frame holds 123 bytes (RFC 6455 §5.5); a character that is cut in two may become a longer one. */
const closeReasonBytes = 120;

const packr = new Packr({ useRecords: false });

export const packRecord = (record: WatchRecord): Uint8Array => packr.pack(record);

export interface ViewerHandler {
  requested(viewer: Viewer, request: WatchRequest): void;
  closed(viewer: Viewer): void;
}

export class Viewer {
  readonly address: string;
  /** Whether it may control the run. */
  granted = false;
  /** Whether somebody looks at the histograms. */
  looks = false;
  /** It did not read fast enough: it gets no events until it has read what it was sent, and then begins anew. */
  isBehind = false;
  /** How many of the events that wait to be sent are in its snapshot already. */
  known = 0;
  /** Time of the newest message or pong. */
  lastHeard = performance.now();
  private readonly socket: WebSocket;

  /** @param address where it is */
  constructor(socket: WebSocket, address: string, handler: ViewerHandler) {
    this.socket = socket;
    this.address = address;
    socket.on("message", (data, isBinary) => this.receive(data, isBinary, handler));
    socket.on("pong", () => (this.lastHeard = performance.now()));
    // A socket that breaks is told of by its close.
    socket.on("error", () => undefined);
    socket.once("close", () => handler.closed(this));
    if (socket.protocol !== watchSubprotocol) this.refuse(`offer the subprotocol ${watchSubprotocol}`);
  }

  /** Whether there is room to send it something. */
  get keepsUp(): boolean {
    return this.socket.bufferedAmount <= maxBacklogBytes;
  }

  /** Whether it has read all it was sent. */
  get hasDrained(): boolean {
    return this.socket.bufferedAmount === 0;
  }

  send(record: WatchRecord): void {
    this.sendPacked(packRecord(record));
  }

  /** Sends bytes that may go to several viewers: they are not changed. */
  sendPacked(bytes: Uint8Array): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.send(bytes);
  }

  ping(): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.ping();
  }

  close(code: number, reason: string): void {
    this.socket.close(code, Buffer.from(reason).subarray(0, closeReasonBytes).toString());
  }

  terminate(): void {
    this.socket.terminate();
  }

  private receive(data: RawData, isBinary: boolean, handler: ViewerHandler): void {
    this.lastHeard = performance.now();
    if (this.socket.readyState !== this.socket.OPEN) return;
    // Answers count as well: who asks and asks, and reads none, must not make us hold them.
    if (!this.keepsUp) return this.refuse("read what is sent before asking for more");
    const request = isBinary ? requestOf(data as Buffer) : undefined;
    if (request) handler.requested(this, request);
    else this.refuse("send msgpack records as tabgrad's pages do");
  }

  private refuse(why: string): void {
    this.close(viewerCloseCodes.nonsense, `This is no request: ${why}`);
  }
}

function requestOf(data: Buffer): WatchRequest | undefined {
  try {
    return watchRequestSchema.safeParse(packr.unpack(data)).data;
  } catch {
    return undefined;
  }
}
