// A Unix socket beside the port: workers on this machine move their gradients over it, which costs about half of what TCP does.
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface LocalSocket {
  readonly path: string;
  close(): Promise<void>;
}

/** Listens on a socket that only this user can reach; undefined where there are no Unix sockets. It is never needed: TCP does as well. */
export async function listenLocally(server: Server): Promise<LocalSocket | undefined> {
  if (process.platform === "win32") return undefined;
  try {
    const folder = await mkdtemp(join(tmpdir(), "tabgrad-"));
    const path = join(folder, "worker.sock");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
    return { path, close: () => close(server, folder) };
  } catch {
    return undefined;
  }
}

async function close(server: Server, folder: string): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  await rm(folder, { recursive: true, force: true });
}
