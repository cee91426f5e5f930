// What workers call the parameters that they are sent: a number that grows. Where a run evaluates an average of its parameters, a step
// has two of them: first that average, for an evaluation, then what the next step begins with.
import type { Purpose } from "@tabgrad/core";

export class Versions {
  private readonly averages: boolean;

  /** @param averages whether evaluations are of an average of the parameters */
  constructor(averages: boolean) {
    this.averages = averages;
  }

  /** Of the parameters after so many steps, for what is to be computed with them. */
  of(purpose: Purpose, step: number): number {
    if (!this.averages) return step;
    return purpose === "evaluate" ? Math.max(0, 2 * step - 1) : 2 * step;
  }

  stepOf(version: number): number {
    return this.averages ? Math.ceil(version / 2) : version;
  }

  isAverage(version: number): boolean {
    return this.averages && version % 2 === 1;
  }
}
