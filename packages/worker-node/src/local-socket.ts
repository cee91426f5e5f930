// On the coordinator's own machine a Unix socket is faster than TCP. The coordinator names it; whether to believe it is decided here.
import type { Discovery } from "@tabgrad/core";
import { accessSync, constants } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, resolve } from "node:path";

/**
 * The path of the coordinator's Unix socket, if this worker should use it. Only what a coordinator on this very machine says counts,
 * and only a socket of the name and place that coordinators give them: nobody may send a worker to another program's socket.
 */
export function localSocket(url: string, { socket }: Discovery): string | undefined {
  if (socket === undefined || !["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname)) return undefined;
  const folder = dirname(socket);
  const ours = resolve(socket) === socket && basename(socket) === "worker.sock" && basename(folder).startsWith("tabgrad-");
  if (!ours || dirname(folder) !== tmpdir()) return undefined;
  try {
    accessSync(socket, constants.R_OK | constants.W_OK);
    return socket;
  } catch {
    // Another machine behind a tunnel, another user, or no Unix sockets here.
    return undefined;
  }
}
