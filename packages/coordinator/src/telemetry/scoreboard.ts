// What there is to tell of a run's progress: sums become means, contributions become shares, steps become samples a second.
import { finishReport, type DoneEvent, type Graph, type Report, type StepEvent, type WorkerShare } from "@tabgrad/core";
import type { Evaluation } from "../checkpoint/index.ts";
import type { Outcome, Totals, Watched } from "../decide/index.ts";
import { Rate } from "./rate.ts";

export interface Means {
  readonly loss: number;
  /** By the name of the metric. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Those that are more than one number, where there are any. */
  readonly tables?: Report["tables"];
}

export class Scoreboard {
  /** The newest evaluation. */
  evaluation: Evaluation | null = null;
  private readonly report: Graph;
  private readonly rate = new Rate();
  private shares: WorkerShare[] = [];
  private samples = 0;
  private beganAt: number | undefined;
  private newest: Means | undefined;

  /** @param report how the run's sums become what is reported */
  constructor(report: Graph) {
    this.report = report;
  }

  /** Computing begins, or goes on after a pause, which is no slow step. */
  resume(now: number): void {
    this.beganAt ??= now;
    this.rate.restart(now);
  }

  contributed(share: WorkerShare): void {
    this.shares.push(share);
  }

  /** The step under way is computed anew. */
  startOver(): void {
    this.shares = [];
  }

  /** A step was taken; returns what is to be told of it. */
  step(totals: Totals, now: number): Pick<StepEvent, "loss" | "metrics" | "samples" | "samplesPerSecond" | "shares"> {
    const { shares } = this;
    this.shares = [];
    this.samples += totals.samples;
    // A table of a batch is of no use, and as large as that of a whole evaluation.
    const { loss, metrics } = this.means(totals);
    this.newest = { loss, metrics };
    return { ...this.newest, samples: totals.samples, samplesPerSecond: this.rate.add(totals.samples, now), shares };
  }

  evaluated(step: number, totals: Totals, watched: Watched, now: number): Means {
    this.newest = this.means(totals);
    const { loss, metrics } = this.newest;
    this.evaluation = { step, loss, metrics, watched };
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
      ...(this.newest?.tables && { tables: this.newest.tables }),
      seconds,
      samples: this.samples,
      samplesPerSecond: seconds > 0 ? this.samples / seconds : 0,
    };
  }

  private means(totals: Totals): Means {
    const { loss, metrics, tables } = finishReport(this.report, totals);
    return { loss, metrics, ...(Object.keys(tables).length > 0 && { tables }) };
  }
}
