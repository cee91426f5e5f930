// The terminal's view of a run: one bar an epoch, the log above it. Without a terminal, a line now and then instead of a bar.
import { standingText, type EvaluationEvent, type StartEvent, type StepEvent, type TelemetryEvent } from "@tabgrad/core";
import { MultiBar, Presets, type SingleBar } from "cli-progress";
import pc from "picocolors";
import { count, decimal, duration, metrics, plain } from "./format.ts";

/** Without a terminal: a line every so many milliseconds at most. */
const quietMs = 10_000;

export interface ProgressOptions {
  readonly stream: NodeJS.WriteStream;
  readonly now: () => number;
}

export class Progress {
  private readonly stream: NodeJS.WriteStream;
  private readonly now: () => number;
  private bars: MultiBar | undefined;
  private bar: SingleBar | undefined;
  private start: StartEvent | undefined;
  private epoch = 0;
  private printedAt = 0;
  private lastStep: StepEvent | undefined;
  private readonly average = new Average();
  /** Of this epoch: in how many steps the gradient was clipped, of how many. */
  private clipped = { steps: 0, of: 0 };
  /** Samples of each worker in this epoch. */
  private readonly parts = new Map<string, number>();

  constructor({ stream, now }: ProgressOptions) {
    this.stream = stream;
    this.now = now;
  }

  /** A line above the bar. */
  log(line: string): void {
    if (this.bars) this.bars.log(`${line}\n`);
    else this.stream.write(`${line}\n`);
  }

  show(event: TelemetryEvent): void {
    switch (event.event) {
      case "start":
        this.start = event;
        return;
      case "step":
        return this.step(event);
      case "eval":
        this.endEpoch();
        return this.log(`${" ".repeat(9)}held out: ${this.heldOut(event)}`);
      case "done":
        return this.endEpoch();
      default:
        return;
    }
  }

  private step(event: StepEvent): void {
    if (event.epoch !== this.epoch) this.beginEpoch(event);
    this.lastStep = event;
    this.average.add(event);
    const { steps, of } = this.clipped;
    this.clipped = { steps: steps + (event.clipped ? 1 : 0), of: of + 1 };
    for (const share of event.shares) this.parts.set(share.name, (this.parts.get(share.name) ?? 0) + share.samples);
    const position = this.positionOf(event);
    if (this.stream.isTTY && !this.bar) this.drawBar();
    if (this.bar) this.bar.update(position, { text: this.text(event) });
    else if (this.now() - this.printedAt > quietMs) {
      this.printedAt = this.now();
      this.stream.write(`${this.title()}  step ${count(event.step)} of ${count(this.start!.steps)}  ${this.text(event)}\n`);
    }
    if (position === this.stepsInEpoch()) this.endEpoch();
  }

  private beginEpoch(event: StepEvent): void {
    this.endEpoch();
    this.epoch = event.epoch;
    this.parts.clear();
    this.clipped = { steps: 0, of: 0 };
    this.average.restart();
  }

  private drawBar(): void {
    const format = `{title} ${pc.cyan("{bar}")} {percentage} %  {text}`;
    this.bars = new MultiBar(
      { format, stream: this.stream, barsize: 20, hideCursor: true, gracefulExit: false, clearOnComplete: true, fps: 8 },
      Presets.rect,
    );
    this.bar = this.bars.create(this.stepsInEpoch(), 0, { title: this.title(), text: "" });
  }

  private endEpoch(): void {
    this.bars?.stop();
    this.bars = undefined;
    this.bar = undefined;
    if (!this.lastStep) return;
    // An evaluation, or the end of the run, may come in the middle of an epoch.
    const place = this.positionOf(this.lastStep) === this.stepsInEpoch() ? "" : `  step ${count(this.lastStep.step)}`;
    this.stream.write(`${this.title()}${place}  ${this.text(this.lastStep, false)}\n`);
    this.lastStep = undefined;
  }

  /** Steps of its epoch up to this one. */
  private positionOf({ step, epoch }: StepEvent): number {
    return step - (epoch - 1) * this.start!.stepsPerEpoch;
  }

  /** The last epoch of a run that counts steps may be a part of one. */
  private stepsInEpoch(): number {
    const { steps, stepsPerEpoch } = this.start!;
    return Math.min(stepsPerEpoch, steps - (this.epoch - 1) * stepsPerEpoch);
  }

  private title(): string {
    return pc.bold(`epoch ${this.epoch}/${Math.ceil(this.start!.steps / this.start!.stepsPerEpoch)}`);
  }

  private text(event: StepEvent, running = true): string {
    const left = (this.start!.steps - event.step) * (event.samples / Math.max(event.samplesPerSecond, 1e-9));
    const total = [...this.parts.values()].reduce((a, b) => a + b, 0);
    const parts = [...this.parts].map(([name, samples]) => `${name} ${Math.round((100 * samples) / total)} %`).join(", ");
    const { loss, metrics: means } = this.average;
    const results = [`loss ${decimal(loss)}`, metrics(means, this.start!.metricForms)];
    const fields = [...results, `${count(event.samplesPerSecond)} samples/s`, pc.dim(parts)];
    if (!running) fields.push(...this.conditions(event));
    else if (event.samplesPerSecond > 0) fields.push(`${duration(left)} left`);
    return fields.filter((field) => field !== "").join("  ");
  }

  /** What a run that changes its learning rate, clips, or scales its loss should be looked at for, once an epoch. */
  private conditions({ learningRate, baseLearningRate, clipped, lossScale }: StepEvent): string[] {
    const { steps, of } = this.clipped;
    return [
      baseLearningRate === undefined ? "" : `learning rate ${plain(learningRate)}`,
      clipped === undefined ? "" : `clipped in ${count(steps)} of ${count(of)} steps`,
      lossScale === undefined ? "" : `loss scale ${count(lossScale)}`,
    ];
  }

  private heldOut({ loss, metrics: values, samples, stopEarly, plateau }: EvaluationEvent): string {
    const { metricForms } = this.start!;
    const standings = [stopEarly, plateau].flatMap((standing) => (standing ? [standingText(standing)] : []));
    const fields = [`loss ${decimal(loss)}`, metrics(values, metricForms), `(${count(samples)} samples)`, ...standings];
    return fields.filter((field) => field !== "").join("  ");
  }
}

/** Means over the samples of the epoch so far: what one batch says jumps too much to be read. */
class Average {
  private samples = 0;
  private lossSum = 0;
  private readonly metricSums = new Map<string, number>();

  add({ samples, loss, metrics: means }: StepEvent): void {
    this.samples += samples;
    this.lossSum += loss * samples;
    for (const [name, mean] of Object.entries(means)) this.metricSums.set(name, (this.metricSums.get(name) ?? 0) + mean * samples);
  }

  get loss(): number {
    return this.lossSum / this.samples;
  }

  get metrics(): Record<string, number> {
    return Object.fromEntries([...this.metricSums].map(([name, sum]) => [name, sum / this.samples]));
  }

  restart(): void {
    this.samples = 0;
    this.lossSum = 0;
    this.metricSums.clear();
  }
}
