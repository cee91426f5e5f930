// Everybody who watches the run. Events are gathered, packed once, and the same bytes go to all, so that a hundred pages cost training
// next to nothing. Nobody there: nothing runs.
import {
  packView,
  TabgradError,
  watchRequestBytes,
  watchSubprotocol,
  type ControlCommand,
  type Links,
  type RunView,
  type WatchedEvent,
  type WatchError,
  type WatchRequest,
} from "@tabgrad/core";
import { WebSocketServer, type WebSocket } from "ws";
import type { HistogramsRecord } from "../telemetry/histograms.ts";
import type { ControlKey } from "./control-key.ts";
import { broadcastInterval } from "./pacing.ts";
import { packRecord, Viewer, viewerCloseCodes, type ViewerHandler } from "./viewer.ts";

export interface WatchersOptions {
  readonly key: ControlKey;
  readonly view: () => RunView;
  readonly links: () => Links;
  /** Called each second while somebody watches, and when the first one comes, before its snapshot: tell the vitals. */
  readonly onSecond: () => void;
  /** What somebody gets at once who begins to look at the histograms, if there are some. */
  readonly histograms: () => HistogramsRecord | undefined;
  /** Carries out what somebody asked who may. @throws TabgradError where it can't be done */
  readonly control: (command: ControlCommand) => void;
  /** Default: 1,000. */
  readonly maxViewers?: number;
}

const secondMs = 1_000;
/** A snapshot serves all who come within this time, and the events since then follow. */
const snapshotMs = 100;
const pingEverySeconds = 15;
/** A page that does not even answer a ping for this long is gone. */
const silenceMs = 45_000;

export class Watchers implements ViewerHandler {
  /** For the table of upgrades. */
  readonly server: WebSocketServer;
  private readonly options: WatchersOptions;
  private readonly viewers = new Set<Viewer>();
  private waiting: (readonly [number, WatchedEvent])[] = [];
  private tick: NodeJS.Timeout | undefined;
  private heartbeat: NodeJS.Timeout | undefined;
  private seconds = 0;
  private snapshot: { readonly bytes: Uint8Array; readonly known: number; readonly at: number } | undefined;
  private lastTick = -Infinity;

  constructor(options: WatchersOptions) {
    this.options = options;
    this.server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: watchRequestBytes,
      handleProtocols: (offered) => (offered.has(watchSubprotocol) ? watchSubprotocol : false),
    });
    this.server.on("connection", (socket, request) => this.welcome(socket, request.socket.remoteAddress ?? ""));
  }

  /** Whether somebody looks at the histograms. */
  get looked(): boolean {
    return [...this.viewers].some((viewer) => viewer.looks);
  }

  /** An event that the view holds already. */
  queue(time: number, event: WatchedEvent): void {
    if (this.viewers.size === 0) return;
    this.waiting.push([time, event]);
    this.schedule();
  }

  /** To those who look at them. */
  sendHistograms(record: HistogramsRecord): void {
    const bytes = packRecord(record);
    for (const viewer of this.viewers) if (viewer.looks && !viewer.isBehind && viewer.keepsUp) viewer.sendPacked(bytes);
  }

  /** Sends what waits and closes all sockets; cuts those that are not closed after `patienceMs`. */
  async close(reason: string, patienceMs: number): Promise<void> {
    this.broadcast();
    clearTimeout(this.tick);
    for (const viewer of this.viewers) viewer.close(viewerCloseCodes.inOrder, reason);
    const cut = setTimeout(() => this.viewers.forEach((viewer) => viewer.terminate()), patienceMs);
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    clearTimeout(cut);
  }

  requested(viewer: Viewer, request: WatchRequest): void {
    switch (request.kind) {
      case "hello": {
        const permission = this.options.key.permit(request.token, viewer.address, performance.now());
        viewer.granted = permission.granted;
        return viewer.send({ kind: "control", ...permission });
      }
      case "look":
        viewer.looks = request.histograms;
        return this.showHistograms(viewer);
      case "control":
        return viewer.send({ kind: "answer", id: request.id, ...this.control(viewer, request.command) });
      default:
        request satisfies never;
    }
  }

  closed(viewer: Viewer): void {
    this.viewers.delete(viewer);
    if (this.viewers.size > 0) return;
    clearInterval(this.heartbeat);
    clearTimeout(this.tick);
    this.tick = undefined;
    this.snapshot = undefined;
    this.waiting = [];
  }

  private welcome(socket: WebSocket, address: string): void {
    const viewer = new Viewer(socket, address, this);
    const { maxViewers = 1_000 } = this.options;
    if (this.viewers.size >= maxViewers) {
      return viewer.close(viewerCloseCodes.tooMany, `${maxViewers} pages watch this run already; try again later`);
    }
    const isFirst = this.viewers.size === 0;
    this.viewers.add(viewer);
    if (isFirst) {
      this.heartbeat = setInterval(() => this.beat(), secondMs);
      this.options.onSecond();
    }
    this.sendSnapshot(viewer);
  }

  private showHistograms(viewer: Viewer): void {
    const record = viewer.looks ? this.options.histograms() : undefined;
    if (record) viewer.send(record);
  }

  /** @returns the `error` of an answer, if there is one */
  private control(viewer: Viewer, command: ControlCommand): { readonly error?: WatchError } {
    try {
      if (!viewer.granted) throw noGrant();
      this.options.control(command);
      return {};
    } catch (error) {
      if (!(error instanceof TabgradError)) throw error;
      const { code, message, remedy } = error;
      return { error: { code, message, remedy } };
    }
  }

  private sendSnapshot(viewer: Viewer): void {
    const now = performance.now();
    if (!this.snapshot || now - this.snapshot.at > snapshotMs) {
      const { view, links } = this.options;
      const bytes = packRecord({ kind: "snapshot", view: packView(view()), links: links(), time: Date.now() });
      this.snapshot = { bytes, known: this.waiting.length, at: now };
    }
    viewer.isBehind = false;
    viewer.known = this.snapshot.known;
    viewer.sendPacked(this.snapshot.bytes);
  }

  private schedule(): void {
    const due = this.lastTick + broadcastInterval(this.viewers.size) - performance.now();
    this.tick ??= setTimeout(() => this.broadcast(), Math.max(0, due));
  }

  private broadcast(): void {
    this.tick = undefined;
    this.lastTick = performance.now();
    const events = this.waiting;
    this.waiting = [];
    this.snapshot = undefined;
    const packed = new Map<number, Uint8Array>();
    for (const viewer of this.viewers) {
      viewer.isBehind ||= !viewer.keepsUp;
      if (viewer.isBehind && viewer.hasDrained) this.sendSnapshot(viewer);
      else if (!viewer.isBehind && viewer.known < events.length) viewer.sendPacked(this.packedFrom(events, viewer.known, packed));
      viewer.known = 0;
    }
    if ([...this.viewers].some((viewer) => viewer.isBehind)) this.schedule();
  }

  /** Nearly all get the same bytes; who came since the last broadcast gets what its snapshot did not hold. */
  private packedFrom(
    events: readonly (readonly [number, WatchedEvent])[],
    known: number,
    packed: Map<number, Uint8Array>,
  ): Uint8Array {
    const bytes = packed.get(known) ?? packRecord({ kind: "events", events: events.slice(known) });
    packed.set(known, bytes);
    return bytes;
  }

  private beat(): void {
    this.options.onSecond();
    const now = performance.now();
    const isPingTime = ++this.seconds % pingEverySeconds === 0;
    for (const viewer of this.viewers) {
      if (now - viewer.lastHeard > silenceMs) viewer.terminate();
      else if (isPingTime) viewer.ping();
    }
  }
}

const noGrant = (): TabgradError =>
  new TabgradError(
    "CONTROL_REFUSED",
    "This page may watch the run, but not control it",
    "Open the link with #control=… that the coordinator printed.",
  );
