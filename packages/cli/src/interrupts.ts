// Ctrl-C: the first asks for a clean end, the second ends at once. So does a reader of the output that goes away, as `head` does.
import { exitCodes } from "@tabgrad/core";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Why the signal was aborted, where that was no signal of the system. */
export const outputClosed = "EPIPE";

/**
 * Aborts the returned signal at the first SIGINT, SIGTERM or SIGHUP, or when nobody can read the output any more; at the second of
 * these signals, `atOnce` runs and the process exits.
 */
export function interrupts(atOnce: () => void = () => undefined): AbortSignal {
  const controller = new AbortController();
  for (const name of signals) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        atOnce();
        process.exit(exitCodes.interrupted);
      }
      controller.abort(name);
    });
  }
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== outputClosed) throw error;
      controller.abort(outputClosed);
    });
  }
  return controller.signal;
}
