// The changes of the learning rate that a journal tells of. A run that goes on from a checkpoint takes steps again, and each of these
// changes comes again where it came the first time, so that the steps come out as they did.
import type { TelemetryEvent } from "@tabgrad/core";
import type { LearningRateChange } from "../decide/index.ts";

interface Noted extends LearningRateChange {
  /** Starts of the coordinator before it. */
  readonly life: number;
}

export class LearningRateChanges {
  private noted: readonly Noted[] = [];
  private life = 0;
  private runId: string | undefined;

  /** To be told of every event of the journal, in order. */
  follow(event: TelemetryEvent): void {
    if (event.event === "start") {
      if (event.runId !== this.runId) this.noted = [];
      this.runId = event.runId;
      this.life += 1;
    } else if (event.event === "decision" && event.reason.kind === "learningRate") {
      this.add({ step: event.step, to: event.reason.to, life: this.life });
    }
  }

  /** Those that a run has yet to see which has taken `step` steps, in order. */
  after(step: number): LearningRateChange[] {
    return this.noted.filter((change) => change.step >= step).map(({ step: at, to }) => ({ step: at, to }));
  }

  /** What somebody wants in a later life replaces all that was to come again. */
  private add(change: Noted): void {
    const isOld = ({ life }: Noted): boolean => life < change.life;
    const isAgain = (one: Noted): boolean => isOld(one) && one.step === change.step && one.to === change.to;
    this.noted = this.noted.some(isAgain)
      ? this.noted.map((one) => (isAgain(one) ? change : one))
      : [...this.noted.filter((one) => !isOld(one) || one.step < change.step), change];
  }
}
