// Ctrl-C: the first asks for a clean end, the second ends at once.
import { exitCodes } from "@tabgrad/core";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Aborts the returned signal at the first SIGINT, SIGTERM or SIGHUP; at the second, `atOnce` runs and the process exits. */
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
  return controller.signal;
}
