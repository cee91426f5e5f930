// What there is to tell of a run's progress: sums become means, contributions become shares, steps become samples a second.
import type { DoneEvent, StepEvent, WorkerShare } from "@tabgrad/core";
import type { Evaluation } from "../checkpoint/index.ts";
import type { Outcome, Totals, Watched } from "../decide/index.ts";
import { Rate } from "./rate.ts";

export interface Means {
  readonly loss: number;
  /** By the name of the metric. */
  readonly metrics: Readonly<Record<string, number>>;
}

export class Scoreboard {
  /** The newest evaluation. */
  evaluation: Evaluation | null = null;
  private readonly metrics: readonly string[];
  private readonly rate = new Rate();
  private shares: WorkerShare[] = [];
  private samples = 0;
  private beganAt: number | undefined;
  private newest: Means | undefined;

  /** @param metrics the run's, in the order of the sums */
  constructor(metrics: readonly string[]) {
    this.metrics = metrics;
  }

  /** Computing begins, or goes on after a pause, which is no slow step. */
  resume(now: number): void {
    this.beganAt ??= now;
    this.rate.restart(now);
  }

  contributed(share: WorkerShare): void {
    this.shares.push(share);
  }

  /** A step was taken; returns what is to be told of it. */
  step(totals: Totals, now: number): Pick<StepEvent, "loss" | "metrics" | "samples" | "samplesPerSecond" | "shares"> {
    const { shares } = this;
    this.shares = [];
    this.samples += totals.samples;
    this.newest = this.means(totals);
    return { ...this.newest, samples: totals.samples, samplesPerSecond: this.rate.add(totals.samples, now), shares };
  }

  evaluated(step: number, totals: Totals, watched: Watched, now: number): Means {
    this.newest = this.means(totals);
    this.evaluation = { step, ...this.newest, watched };
    this.rate.restart(now);
    return this.newest;
  }

  /** The run is over. */
  done(outcome: Outcome, now: number): Omit<DoneEvent, "event" | "step" | "checkpoint" | "parametersSha256"> {
    const seconds = this.beganAt === undefined ? 0 : (now - this.beganAt) / 1000;
    return {
      outcome: outcome.kind,
      ...(outcome.kind === "finished" && outcome.why !== undefined && { why: outcome.why }),
      ...(outcome.kind === "stopped" && { why: outcome.why, code: "INTERRUPTED" }),
      ...(outcome.kind === "diverged" && { why: `step ${outcome.step}: ${outcome.what}`, code: "DIVERGED" }),
      loss: this.newest?.loss ?? null,
      metrics: this.newest?.metrics ?? {},
      seconds,
      samples: this.samples,
      samplesPerSecond: seconds > 0 ? this.samples / seconds : 0,
    };
  }

  private means({ samples, lossSum, metricSums }: Totals): Means {
    return { loss: lossSum / samples, metrics: Object.fromEntries(this.metrics.map((name, i) => [name, metricSums[i] / samples])) };
  }
}
