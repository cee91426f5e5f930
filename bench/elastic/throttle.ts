// Makes a process slow, as a machine does that has other things to do: it is stopped for most of every period.
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

export class Throttle {
  private readonly child: ChildProcess;
  private isOn = true;
  private ran = 0;
  private stood = 0;
  private readonly over: Promise<void>;

  /** Lets `child` run for `run` of every `run + stand` milliseconds, from now on. */
  constructor(child: ChildProcess, { run, stand }: { readonly run: number; readonly stand: number }) {
    this.child = child;
    this.over = this.turn(run, stand);
  }

  /** The part of the time in which it ran. */
  get part(): number {
    return this.ran / (this.ran + this.stood);
  }

  /** Lets it run from now on. */
  async end(): Promise<void> {
    this.isOn = false;
    await this.over;
  }

  private async turn(run: number, stand: number): Promise<void> {
    let now = performance.now();
    const passed = (): number => -now + (now = performance.now());
    while (this.isOn) {
      this.child.kill("SIGSTOP");
      this.ran += passed();
      // Timers are late: it stands still for as much longer as it ran longer.
      await sleep(Math.max(1, (this.ran * stand) / run - this.stood));
      this.child.kill("SIGCONT");
      this.stood += passed();
      await sleep(run);
    }
  }
}
