// A page that watches, made of nothing but a socket and the fold that all pages have.
import {
  follow,
  unpackView,
  watchPath,
  watchSubprotocol,
  type ControlCommand,
  type RunView,
  type WatchRecord,
  type WatchRequest,
} from "@tabgrad/core";
import { Packr } from "msgpackr";
import { once } from "node:events";
import { WebSocket } from "ws";

const packr = new Packr({ useRecords: false });

type OfKind<K extends WatchRecord["kind"]> = Extract<WatchRecord, { kind: K }>;

export class RawViewer {
  readonly records: WatchRecord[] = [];
  /** Folded from what came; undefined before the first snapshot. */
  view: RunView | undefined;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  private readonly socket: WebSocket;
  private readonly waiting = new Set<() => void>();
  private isClosed = false;
  private requests = 0;

  /** @param url the coordinator's */
  static async connect(url: string, protocol: string | string[] = watchSubprotocol): Promise<RawViewer> {
    const socket = new WebSocket(`${url.replace("http", "ws")}${watchPath}`, protocol, { perMessageDeflate: false });
    const viewer = new RawViewer(socket);
    await once(socket, "open");
    return viewer;
  }

  /** Connects, and waits for the snapshot and the answer to the token. */
  static async watch(url: string, token?: string): Promise<RawViewer> {
    const viewer = await RawViewer.connect(url);
    viewer.send({ kind: "hello", ...(token !== undefined && { token }) });
    await viewer.record("control");
    return viewer;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => this.take(packr.unpack(data as Buffer) as WatchRecord));
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        this.isClosed = true;
        resolve({ code, reason: reason.toString() });
        this.notify();
      });
    });
  }

  send(request: WatchRequest): void {
    this.sendRaw(packr.pack(request));
  }

  sendRaw(data: string | Uint8Array): void {
    this.socket.send(data);
  }

  /** Reads nothing more, so that what is sent piles up at the other end. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  cut(): void {
    this.socket.terminate();
  }

  /** Resolves with the answer. */
  control(command: ControlCommand): Promise<OfKind<"answer">> {
    const id = ++this.requests;
    this.send({ kind: "control", id, command });
    return this.record("answer", (answer) => answer.id === id);
  }

  ofKind<K extends WatchRecord["kind"]>(kind: K): OfKind<K>[] {
    return this.records.filter((record): record is OfKind<K> => record.kind === kind);
  }

  record<K extends WatchRecord["kind"]>(kind: K, fits: (record: OfKind<K>) => boolean = () => true): Promise<OfKind<K>> {
    return this.until(() => this.ofKind(kind).find(fits));
  }

  /** The view, as soon as it is as wanted. */
  seen(fits: (view: RunView) => boolean): Promise<RunView> {
    return this.until(() => (this.view && fits(this.view) ? this.view : undefined));
  }

  private until<T>(find: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined && !this.isClosed) return;
        this.waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error("closed before it came"));
      };
      this.waiting.add(look);
      look();
    });
  }

  private take(record: WatchRecord): void {
    this.records.push(record);
    if (record.kind === "snapshot") this.view = unpackView(record.view);
    if (record.kind === "events") for (const [time, event] of record.events) this.view = follow(this.view!, time, event);
    this.notify();
  }

  private notify(): void {
    for (const look of [...this.waiting]) look();
  }
}
