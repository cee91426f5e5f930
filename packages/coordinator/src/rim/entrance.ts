// Everything through which the world reaches a coordinator: one port for pages, shards and WebSockets.
import { workerPath, type Links } from "@tabgrad/core";
import { networkInterfaces } from "node:os";
import type { WebSocketServer } from "ws";
import { createAnswer, type HttpContent } from "./http.ts";
import { linksOf, localOrigin } from "./links.ts";
import { Port, type TlsPair } from "./port.ts";
import { WorkerSockets, type CommonToConnections } from "./sockets.ts";

export interface EntranceOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Without it the port speaks http alone. */
  readonly tls?: TlsPair;
  readonly content: HttpContent;
  /** What all workers' connections have in common. */
  readonly workers: CommonToConnections;
  /** Workers that had a number before, in a run that goes on. */
  readonly formerWorkers?: number;
  /** WebSocket servers beside that of the workers, by path; each made with `noServer: true`, and closed by who made it. */
  readonly sockets?: Readonly<Record<string, WebSocketServer>>;
}

export class Entrance {
  readonly port: number;
  /** http://HOST:PORT, as a worker on this machine reaches it. */
  readonly url: string;
  readonly links: Links;
  private readonly listening: Port;
  private readonly workers: WorkerSockets;

  /** Listens; nobody is let in before it resolves. @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE, TLS_INVALID */
  static async open(options: EntranceOptions): Promise<Entrance> {
    const { host, port, tls, content, formerWorkers, sockets = {} } = options;
    const workers = new WorkerSockets(options.workers, formerWorkers);
    try {
      const upgrades = new Map([[workerPath, workers.server], ...Object.entries(sockets)]);
      const listening = await Port.open({ host, port, tls, answer: createAnswer(content), upgrades });
      const at = { host, port: listening.number, tls: tls !== undefined, interfaces: networkInterfaces() };
      return new Entrance(listening, workers, localOrigin(at), linksOf(at));
    } catch (error) {
      await workers.close("", 0);
      throw error;
    }
  }

  private constructor(listening: Port, workers: WorkerSockets, url: string, links: Links) {
    this.listening = listening;
    this.workers = workers;
    this.url = url;
    this.links = links;
    this.port = listening.number;
  }

  /** Says goodbye to all workers and lets none in any more; pages and shards are served on. */
  async dismissWorkers(reason: string, patienceMs: number): Promise<void> {
    await this.workers.close(reason, patienceMs);
  }

  /** Cuts what is left, and resolves when everything is closed. */
  async close(): Promise<void> {
    await this.listening.close();
  }
}
