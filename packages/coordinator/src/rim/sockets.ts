// The coordinator's WebSocket side: accepts workers at /worker and notices those that fell silent.
import { bounds, chooseSubprotocol } from "@tabgrad/core";
import type { IncomingMessage } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";
import { Connection, type ConnectionOptions } from "./connection.ts";

/** A worker that says nothing for this long, pings included, is taken for dead. */
export const silenceMs = 15_000;

/** Sockets at a time; each may hold one vector of parameters. */
const maxConnections = 4096;

/** What all workers' connections have in common. */
export type CommonToConnections = Pick<ConnectionOptions, "parameterElements" | "gradient" | "squaredNorm" | "handler">;

export class WorkerSockets {
  /** For the table of upgrades. */
  readonly server: WebSocketServer;
  private readonly connections = new Set<Connection>();
  private readonly heartbeat: NodeJS.Timeout;
  private count: number;

  /** @param before workers that had a number before, in a run that goes on */
  constructor(common: CommonToConnections, before = 0) {
    this.count = before;
    this.server = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: bounds.frameBytes,
      handleProtocols: chooseSubprotocol,
    });
    this.server.on("connection", (socket: WebSocket, request: IncomingMessage) => {
      if (this.connections.size >= maxConnections) return socket.terminate();
      request.socket.setNoDelay(true);
      const connection = new Connection({ id: `w${++this.count}`, socket, transport: request.socket, ...common });
      this.connections.add(connection);
      socket.once("close", () => this.connections.delete(connection));
    });
    this.heartbeat = setInterval(() => this.beat(), silenceMs / 3);
  }

  /** Says goodbye to all; resolves when all sockets are closed, or cut after `patienceMs`. */
  async close(reason: string, patienceMs: number): Promise<void> {
    clearInterval(this.heartbeat);
    for (const connection of this.connections) connection.dismiss(reason, false);
    const cut = setTimeout(() => this.connections.forEach((connection) => connection.terminate(reason)), patienceMs);
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    clearTimeout(cut);
  }

  private beat(): void {
    const now = performance.now();
    for (const connection of this.connections) {
      const silent = now - connection.lastHeard;
      if (silent > silenceMs) connection.terminate(`silent for ${Math.round(silent / 1000)} s`);
      else if (connection.open) connection.ping();
    }
  }
}
