// A line between a worker and the coordinator that can fail: a TCP proxy which stops forwarding without a word, cuts, or changes a
// value of a gradient on its way.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";
import { FrameTamper, type Corruption } from "./frame-tamper.ts";

const opened = new Set<TamperingProxy>();

afterEach(() => {
  for (const proxy of opened) proxy.close();
});

export class TamperingProxy {
  private corruption: Corruption | undefined;
  private isPartitioned = false;
  private readonly server: Server;
  private readonly lines = new Set<readonly [Socket, Socket]>();

  private constructor(server: Server, target: number) {
    this.server = server;
    server.on("connection", (worker) => this.connect(worker, target));
    opened.add(this);
  }

  /** @param target the coordinator's port on this machine; nobody has to listen there yet */
  static async open(target: number): Promise<TamperingProxy> {
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new TamperingProxy(server, target);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next chunk of a contribution gets such a value. */
  corruptNext(how: Corruption): void {
    this.corruption = how;
  }

  /** From now on nothing is read, so nothing is forwarded, not even the end of a connection. */
  partition(): void {
    this.isPartitioned = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** Breaks all connections; new ones get through. */
  cut(): void {
    this.isPartitioned = false;
    for (const socket of this.sockets) socket.destroy();
  }

  close(): void {
    opened.delete(this);
    this.server.close();
    this.cut();
  }

  private get sockets(): Socket[] {
    return [...this.lines].flat();
  }

  private connect(worker: Socket, target: number): void {
    const coordinator = connect({ port: target, host: "127.0.0.1", noDelay: true });
    const line = [worker.setNoDelay(), coordinator] as const;
    this.lines.add(line);
    const tamper = new FrameTamper();
    worker.on("data", (bytes) => {
      if (tamper.pass(bytes, this.corruption)) this.corruption = undefined;
      coordinator.write(bytes);
    });
    coordinator.on("data", (bytes) => worker.write(bytes));
    for (const [socket, other] of [line, [coordinator, worker] as const]) {
      // A reset is an end like any other here.
      socket.on("error", () => socket.destroy());
      socket.on("end", () => other.end());
      socket.on("close", () => {
        this.lines.delete(line);
        other.destroy();
      });
      if (this.isPartitioned) socket.pause();
    }
  }
}
