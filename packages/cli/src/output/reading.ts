// What is said while data is fetched, read, written into shards and predicted from, if that takes long enough to be worth a word.
import type { DataProgress } from "@tabgrad/data";
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import pc from "picocolors";
import { bytes, count } from "./format.ts";

/** What is over sooner is not spoken of. */
const patienceMs = 500;

/** A bar is drawn anew so often at most: reading may leave no room for its own timer. */
const frameMs = 125;

/** Without a terminal: a line every so many milliseconds at most. */
const quietMs = 10_000;

export interface ReadingOptions {
  /** Where a bar is drawn, on a terminal. */
  readonly stream: Pick<NodeJS.WriteStream, "isTTY">;
  readonly now: () => number;
  /** Takes a line where there is no bar. */
  readonly say: (line: string) => void;
}

const titles = {
  fetch: "fetching",
  look: "looking through the data",
  read: "reading",
  write: "writing shards",
  predict: "predicting",
} as const;

/** What may take long: with data, or because of it. */
export type Shown = Omit<DataProgress, "activity"> & { readonly activity: keyof typeof titles };

const amount = (value: number, unit: DataProgress["unit"]): string => (unit === "bytes" ? bytes(value) : count(value));

function described({ done, total, unit, address, note }: Shown): string {
  const of = total === undefined ? "" : ` of ${amount(total, unit)}`;
  return `${amount(done, unit)}${of}${unit === "samples" ? " samples" : ""}${address === undefined ? "" : `  ${address}`}${note === undefined ? "" : `: ${note}`}`;
}

export class Reading {
  private readonly options: ReadingOptions;
  private bars: MultiBar | undefined;
  private bar: SingleBar | undefined;
  /** What is going on, and since when. */
  private activity: string | undefined;
  private since = 0;
  private saidAt = 0;
  private drawnAt = 0;

  constructor(options: ReadingOptions) {
    this.options = options;
  }

  readonly show = (progress: Shown): void => {
    const now = this.options.now();
    const activity = `${progress.activity} ${progress.address ?? ""}`;
    if (activity !== this.activity) {
      this.end();
      this.activity = activity;
      this.since = now;
    }
    const isNews = progress.note !== undefined;
    if (now - this.since < patienceMs && !isNews) return;
    if (this.options.stream.isTTY) this.draw(progress, now);
    else if (now - this.saidAt >= quietMs || isNews) {
      this.saidAt = now;
      this.options.say(`${titles[progress.activity]}: ${described(progress)}`);
    }
  };

  /** Takes the bar away. */
  readonly end = (): void => {
    this.bars?.stop();
    this.bars = undefined;
    this.bar = undefined;
    this.activity = undefined;
  };

  private draw(progress: Shown, now: number): void {
    // Without a total there is nothing to fill a bar with, but the numbers still run.
    const total = progress.total ?? 0;
    if (!this.bars) {
      const format = progress.total === undefined ? "{title} {text}" : `{title} ${pc.cyan("{bar}")} {percentage} %  {text}`;
      this.bars = new MultiBar(
        {
          format,
          stream: this.options.stream as NodeJS.WriteStream,
          barsize: 20,
          hideCursor: true,
          gracefulExit: false,
          clearOnComplete: true,
          fps: 8,
        },
        Presets.rect,
      );
      this.bar = this.bars.create(total, progress.done, { title: pc.bold(titles[progress.activity]), text: "" });
    }
    this.bar!.update(progress.done, { text: described(progress) });
    // After news nothing else comes for a while.
    if (now - this.drawnAt < frameMs && progress.note === undefined) return;
    this.drawnAt = now;
    this.bars.update();
  }
}
