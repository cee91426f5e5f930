// Everything through which the world reaches a coordinator: one port for http and WebSockets.
import type { ChunkLayout } from "@tabgrad/core";
import type { Server } from "node:http";
import type { ConnectionHandler } from "./connection.ts";
import { createHttpServer, listen, type HttpContent } from "./http.ts";
import { WorkerSockets } from "./sockets.ts";

export interface EntranceOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly content: HttpContent;
  readonly layout: ChunkLayout;
  readonly handler: ConnectionHandler;
}

export class Entrance {
  readonly port: number;
  /** http://HOST:PORT, as a worker on this machine reaches it. */
  readonly url: string;
  private readonly http: Server;
  private readonly sockets: WorkerSockets;

  /** Listens; nobody is let in before it resolves. @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE */
  static async open({ host, port, content, layout, handler }: EntranceOptions): Promise<Entrance> {
    const http = createHttpServer(content);
    const sockets = new WorkerSockets(http, layout, handler);
    try {
      const address = await listen(http, port, host);
      return new Entrance(http, sockets, urlOf(host, address.port), address.port);
    } catch (error) {
      await sockets.close("", 0);
      throw error;
    }
  }

  private constructor(http: Server, sockets: WorkerSockets, url: string, port: number) {
    this.http = http;
    this.sockets = sockets;
    this.url = url;
    this.port = port;
  }

  /** To every worker that takes part. */
  broadcast(frame: Uint8Array): void {
    this.sockets.broadcast(frame);
  }

  /** Says goodbye to all workers, and resolves when everything is closed. */
  async close(reason: string, patienceMs: number): Promise<void> {
    await this.sockets.close(reason, patienceMs);
    this.http.closeAllConnections();
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
    });
  }
}

function urlOf(host: string, port: number): string {
  const reachable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}
