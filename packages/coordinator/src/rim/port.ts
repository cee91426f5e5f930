// One port for everything: http, https where there is a certificate, and WebSockets over both. The first byte of a connection tells
// which it is, so that people on other machines get TLS while workers on this one need none.
import { TabgradError } from "@tabgrad/core";
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { routeUpgrades, type UpgradeTable } from "./upgrades.ts";

/** What a connection that speaks TLS begins with: the type of a handshake record (RFC 8446 §5.1). */
const handshakeRecord = 0x16;

/** A connection that says nothing for so long is nobody's. */
const firstByteMs = 10_000;
/** What a request's headers, or a TLS handshake, may take; and how often that is looked at. */
const patience = { headersTimeout: 10_000, handshakeTimeout: 10_000, connectionsCheckingInterval: 2_000 };

export interface TlsPair {
  /** The private key, PEM. */
  readonly key: string;
  /** The certificate, and those that vouch for it, PEM. */
  readonly cert: string;
}

export interface PortOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Without it the port speaks http alone. */
  readonly tls?: TlsPair;
  readonly answer: RequestListener;
  readonly upgrades: UpgradeTable;
  /** Default: 10,000. */
  readonly firstByteMs?: number;
}

export class Port {
  readonly number: number;
  private readonly front: Server;
  private readonly servers: readonly (HttpServer | HttpsServer)[];
  private readonly connections: ReadonlySet<Socket>;

  /** Listens. @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE, TLS_INVALID */
  static async open(options: PortOptions): Promise<Port> {
    const http = createHttpServer(patience, options.answer);
    const https = options.tls && httpsServer(options.tls, options.answer);
    const servers = https ? [http, https] : [http];
    for (const server of servers) server.on("upgrade", routeUpgrades(options.upgrades));
    const connections = new Set<Socket>();
    const front = createServer((socket) => {
      connections.add(socket);
      socket.once("close", () => connections.delete(socket));
      sniff(socket, options.firstByteMs ?? firstByteMs, (first) => (first === handshakeRecord && https ? https : http));
    });
    const { port } = await listen(front, options.port, options.host);
    // They never listen themselves; this begins their watch over requests that take too long.
    for (const server of servers) server.emit("listening");
    return new Port(front, servers, connections, port);
  }

  private constructor(front: Server, servers: Port["servers"], connections: ReadonlySet<Socket>, port: number) {
    this.front = front;
    this.servers = servers;
    this.connections = connections;
    this.number = port;
    // A connection that could not be accepted, for lack of file handles say, is its peer's loss alone.
    front.on("error", () => undefined);
  }

  /** Cuts every connection, whatever it carries; resolves when nothing listens any more. */
  async close(): Promise<void> {
    for (const server of this.servers) server.close();
    const closed = new Promise<void>((resolve) => this.front.close(() => resolve()));
    for (const connection of this.connections) connection.destroy();
    await closed;
  }
}

function httpsServer({ key, cert }: TlsPair, answer: RequestListener): HttpsServer {
  try {
    return createHttpsServer({ key, cert, ...patience }, answer);
  } catch (error) {
    throw new TabgradError(
      "TLS_INVALID",
      `Certificate and key can't be used for https: ${(error as Error).message}`,
      "Give a certificate and the private key that belongs to it, both as PEM files.",
      { cause: error },
    );
  }
}

/** Looks at the first byte, puts it back, and hands the connection to the server that it is for. */
function sniff(socket: Socket, patienceMs: number, choose: (first: number) => HttpServer | HttpsServer): void {
  const timer = setTimeout(() => socket.destroy(), patienceMs);
  socket.once("close", () => clearTimeout(timer));
  // A connection that breaks is told of by its close.
  socket.on("error", () => undefined);
  socket.once("data", (data: Buffer) => {
    clearTimeout(timer);
    socket.pause();
    socket.unshift(data);
    const server = choose(data[0]);
    server.emit("connection", socket);
    // TLS takes the bytes out of the socket by itself.
    if (!(server instanceof HttpsServer)) socket.resume();
  });
}

/** Listens. @throws TabgradError PORT_IN_USE, ADDRESS_UNAVAILABLE */
export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, port, host));
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse);
      resolve(server.address() as AddressInfo);
    });
  });
}

function cannotListen(error: NodeJS.ErrnoException, port: number, host: string): TabgradError {
  if (error.code === "EADDRINUSE") {
    return new TabgradError(
      "PORT_IN_USE",
      `Port ${port} on ${host} is in use by another program`,
      "Stop that program, or choose another port with --port.",
    );
  }
  return new TabgradError(
    "ADDRESS_UNAVAILABLE",
    `Cannot listen on ${host}:${port}: ${error.message}`,
    "Choose an address of this machine with --host, and a port from 1024 with --port.",
  );
}
