// Where everything that a run tells goes: the journal, the view that pages begin with, those who watch, and whoever started the run.
import {
  follow,
  followSteps,
  initialView,
  type RunView,
  type StepEvent,
  type TelemetryEvent,
  type VitalsEvent,
  type WatchedEvent,
} from "@tabgrad/core";
import type { Journal } from "./journal.ts";

export interface TellingOptions {
  readonly journal: Journal;
  /** What was told before, in a run that goes on. */
  readonly view?: RunView;
  /** Whoever started the run. Hears of everything at once. */
  readonly onEvent: (event: TelemetryEvent) => void;
  /** Those who watch; the view holds the event already. */
  readonly onFollowed: (time: number, event: WatchedEvent) => void;
}

/** Steps of so many milliseconds are written down together: one at a time, they would take the processor from workers beside it. */
const gatherMs = 50;

export class Telling {
  private readonly options: TellingOptions;
  private current: RunView;
  private steps: { readonly time: number; readonly event: StepEvent }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(options: TellingOptions) {
    this.options = options;
    this.current = options.view ?? initialView();
  }

  /** The run as those see it who watch. Grows with the next event: pack it at once. */
  get view(): RunView {
    this.flush();
    return this.current;
  }

  /** Anything but a step is in the journal at once: what people changed is repeated in a run that goes on. */
  tell(event: TelemetryEvent): void {
    const time = Date.now();
    if (event.event === "step") {
      this.steps.push({ time, event });
      this.timer ??= setTimeout(() => this.flush(), gatherMs);
    } else {
      this.flush();
      this.options.journal.append(event, time);
      this.follow(time, event);
    }
    this.options.onEvent(event);
  }

  /** What is of no interest afterwards. */
  tellViewers(event: VitalsEvent): void {
    this.flush();
    this.follow(Date.now(), event);
  }

  /** Resolves when all that was told is on the disk. */
  saved(): Promise<void> {
    this.flush();
    return this.options.journal.sync();
  }

  /** Nothing may be told after this. @throws TabgradError OUTPUT_UNWRITABLE */
  close(): Promise<void> {
    this.flush();
    return this.options.journal.close();
  }

  /** Writes down the steps that wait for it. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { steps } = this;
    if (steps.length === 0) return;
    this.steps = [];
    for (const { time, event } of steps) this.options.journal.append(event, time);
    this.current = followSteps(this.current, steps);
    for (const { time, event } of steps) this.options.onFollowed(time, event);
  }

  private follow(time: number, event: WatchedEvent): void {
    this.current = follow(this.current, time, event);
    this.options.onFollowed(time, event);
  }
}
