// Where everything that a run tells goes: the journal, the view that pages begin with, those who watch, and whoever started the run.
import { follow, initialView, type RunView, type TelemetryEvent, type VitalsEvent, type WatchedEvent } from "@tabgrad/core";
import type { Journal } from "./journal.ts";

export interface TellingOptions {
  readonly journal: Journal;
  /** What was told before, in a run that goes on. */
  readonly view?: RunView;
  /** Whoever started the run. */
  readonly onEvent: (event: TelemetryEvent) => void;
  /** Those who watch; the view holds the event already. */
  readonly onFollowed: (time: number, event: WatchedEvent) => void;
}

export class Telling {
  private readonly options: TellingOptions;
  private current: RunView;

  constructor(options: TellingOptions) {
    this.options = options;
    this.current = options.view ?? initialView();
  }

  /** The run as those see it who watch. Grows with the next event: pack it at once. */
  get view(): RunView {
    return this.current;
  }

  tell(event: TelemetryEvent): void {
    const time = Date.now();
    this.options.journal.append(event, time);
    this.follow(time, event);
    this.options.onEvent(event);
  }

  /** What is of no interest afterwards. */
  tellViewers(event: VitalsEvent): void {
    this.follow(Date.now(), event);
  }

  /** Resolves when all that was told is on the disk. */
  saved(): Promise<void> {
    return this.options.journal.sync();
  }

  /** Nothing may be told after this. @throws TabgradError OUTPUT_UNWRITABLE */
  close(): Promise<void> {
    return this.options.journal.close();
  }

  private follow(time: number, event: WatchedEvent): void {
    this.current = follow(this.current, time, event);
    this.options.onFollowed(time, event);
  }
}
