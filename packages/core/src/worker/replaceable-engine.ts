// An engine and what to do when it fails: a device that is lost stays lost, and only another engine goes on.
import type { Engine } from "../engine/engine.ts";

export class ReplaceableEngine {
  readonly #reopen: (() => Promise<Engine>) | undefined;
  /** Undefined after an attempt to open another one failed. */
  #engine: Engine | undefined;
  #isSuspect = false;

  constructor(engine: Engine, reopen?: () => Promise<Engine>) {
    this.#engine = engine;
    this.#reopen = reopen;
  }

  /** Whether a call of the present engine failed. */
  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Runs a call of the engine, or of a program of its, and remembers a failure. */
  async watch<Result>(call: () => Promise<Result>): Promise<Result> {
    try {
      return await call();
    } catch (error) {
      this.#isSuspect = true;
      throw error;
    }
  }

  /** The engine; another one where it is suspect and another one can be opened. */
  async sound(): Promise<Engine> {
    if (this.#engine && !(this.#isSuspect && this.#reopen)) return this.#engine;
    if (!this.#reopen) throw new Error("the engine is closed");
    await this.close();
    this.#engine = await this.#reopen();
    this.#isSuspect = false;
    return this.#engine;
  }

  /** Closes what is open. A failed engine may not even close: that is no failure of whoever is done with it. */
  async close(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.close().catch((error: unknown) => {
      if (!this.#isSuspect) throw error;
    });
  }
}
