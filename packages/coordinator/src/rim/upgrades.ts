// Which WebSocket server a request for a socket is for, and who may ask.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocketServer } from "ws";

/** By path. Each server is made with `noServer: true`. */
export type UpgradeTable = ReadonlyMap<string, WebSocketServer>;

/** The listener of an http server's `upgrade` events. */
export function routeUpgrades(table: UpgradeTable): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    const server = table.get((request.url ?? "/").split("?", 1)[0]);
    if (!server) return refuse(socket, "404 Not Found", `There are WebSockets at ${[...table.keys()].join(" and ")} alone.`);
    const foreign = foreignOrigin(request.headers.origin, request.headers.host);
    if (foreign !== undefined) return refuse(socket, "403 Forbidden", foreign);
    server.handleUpgrade(request, socket, head, (webSocket) => server.emit("connection", webSocket, request));
  };
}

/**
 * Why a request may not have a socket, or undefined where it may. A browser opens a WebSocket for any page to any address, and names
 * the page: one that is not ours must not use its visitor's browser, and his place in this network, to take part in a run. Whatever
 * is no browser sends no origin.
 */
export function foreignOrigin(origin: string | undefined, host: string | undefined): string | undefined {
  if (origin === undefined) return undefined;
  const from = URL.canParse(origin) ? new URL(origin).host : undefined;
  if (from !== undefined && from === host?.toLowerCase()) return undefined;
  return (
    `A page from ${origin.slice(0, 256)} asked for a connection to ${host?.slice(0, 256) ?? "this run"}. ` +
    "Only this coordinator's own pages may have one: open its link itself, at the address it is served from."
  );
}

function refuse(socket: Duplex, status: string, why: string): void {
  const body = `${why}\n`;
  const headers = [
    "connection: close",
    "content-type: text/plain; charset=utf-8",
    "x-content-type-options: nosniff",
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.on("error", () => undefined);
  socket.once("finish", () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\n${headers.join("\r\n")}\r\n\r\n${body}`);
}
