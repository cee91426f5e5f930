// A port for a coordinator that is to come back on it. One that the system gives out, it may give to somebody else meanwhile.
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that Linux, macOS and Windows give out by themselves; above those that many services have. */
const range = { from: 20_000, to: 32_000 } as const;

/** A port of this machine that nobody listens on, and that only chance can give to another test. */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = randomInt(range.from, range.to);
    const server = createServer();
    const isFree = await Promise.race([
      once(server.listen(port, "127.0.0.1"), "listening").then(() => true),
      once(server, "error").then(() => false),
    ]).catch(() => false);
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
