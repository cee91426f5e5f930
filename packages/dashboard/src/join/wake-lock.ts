// Keeping the screen on while a phone computes and somebody looks: asleep, it would compute nothing.

/** The browser takes the lock away whenever the page is hidden, and gives it again only when asked. */
export class WakeLock {
  #wanted = false;
  #lock: WakeLockSentinel | undefined;

  want(wanted: boolean): void {
    this.#wanted = wanted;
    void (wanted ? this.#take() : this.#release());
  }

  /** Not every browser has it, and a battery that runs low refuses it: then the screen goes off as ever. */
  async #take(): Promise<void> {
    const { wakeLock } = navigator as { wakeLock?: Navigator["wakeLock"] };
    if (!wakeLock || (this.#lock && !this.#lock.released)) return;
    try {
      const lock = await wakeLock.request("screen");
      if (!this.#wanted) return await lock.release();
      this.#lock = lock;
    } catch {
      this.#lock = undefined;
    }
  }

  async #release(): Promise<void> {
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release().catch(() => undefined);
  }
}
