// Time for fetching: a host's timers, and what gives up where nothing moves for too long.
import { BrokenOff } from "./retry.ts";

/** Calls back once, after so many milliseconds, unless what it returns is called before. */
export type Timer = (ms: number, callback: () => void) => () => void;

export const systemTimer: Timer = (ms, callback) => {
  const timeout = setTimeout(callback, ms);
  return () => clearTimeout(timeout);
};

/** Resolves after so many milliseconds, or as soon as `signal` is aborted. */
export function pause(ms: number, timer: Timer, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timer(ms, done);
    signal?.addEventListener("abort", done);
  });
}

/** Aborts what makes no progress for `ms` milliseconds. */
export class StallWatch {
  readonly #controller = new AbortController();
  readonly #ms: number;
  readonly #timer: Timer;
  #cancel: () => void = () => undefined;

  constructor(ms: number, timer: Timer) {
    this.#ms = ms;
    this.#timer = timer;
    this.progressed();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  progressed(): void {
    this.#cancel();
    this.#cancel = this.#timer(this.#ms, () => {
      this.#controller.abort(new BrokenOff(`nothing came for ${this.#ms / 1000} s`));
    });
  }

  end(): void {
    this.#cancel();
  }
}
