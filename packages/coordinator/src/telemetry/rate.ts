// Samples a second over a sliding window, so that a number on the screen neither jumps nor lags.

export class Rate {
  private readonly windowMs: number;
  private readonly marks: { readonly time: number; readonly total: number }[] = [];
  private total = 0;

  constructor(windowMs = 2000) {
    this.windowMs = windowMs;
  }

  /** Counts `amount` at the time `now` (milliseconds); returns the rate per second over the window. */
  add(amount: number, now: number): number {
    this.total += amount;
    this.marks.push({ time: now, total: this.total });
    while (this.marks.length > 2 && now - this.marks[0].time > this.windowMs) this.marks.shift();
    const [first] = this.marks;
    return now > first.time ? ((this.total - first.total) / (now - first.time)) * 1000 : 0;
  }

  /** Begins anew: a pause is no slow step. */
  restart(now: number): void {
    this.marks.length = 0;
    this.marks.push({ time: now, total: this.total });
  }
}
