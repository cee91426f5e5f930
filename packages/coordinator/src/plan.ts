// What a run computes, and when: the epoch plan and the evaluation plan, as the decision core and the sockets want to see them.
import {
  EpochPlan,
  EvaluationPlan,
  criterionOf,
  finishReport,
  microbatchSamples,
  microbatchShards,
  rateFactors,
  type CheckpointInterval,
  type DatasetDescription,
  type Goal,
  type Graph,
  type Interval,
  type Microbatch,
  type PlannedStep,
  type RunDescription,
} from "@tabgrad/core";
import type { Evaluation } from "./checkpoint/index.ts";
import type { Purpose, RunPlan, Totals } from "./decide/index.ts";
import type { Place } from "./reduce/reducer.ts";

export interface ScheduleOptions {
  readonly dataset: DatasetDescription;
  readonly run: RunDescription;
  /** How the run's sums become what it is judged by. */
  readonly report: Graph;
  readonly startWorkers: number;
  readonly minWorkers: number;
}

/** How many steps ahead a worker is told which shards it will need: enough for a fetch over a slow line. */
const lookAheadSteps = 24;

export class Schedule {
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** Evaluated after every so many steps, and after the last. */
  private readonly evaluateEvery: number;
  private readonly epochs: EpochPlan;
  private readonly evaluation: EvaluationPlan;
  /** Whether the learning rate changes by itself. */
  readonly isScheduled: boolean;
  private readonly options: ScheduleOptions;
  private planned: PlannedStep | undefined;

  constructor(options: ScheduleOptions) {
    const { dataset, run } = options;
    const { seed, batchSize, microbatchSize, duration } = run;
    const { shards, train, evaluation } = dataset;
    this.options = options;
    this.epochs = new EpochPlan({ seed, shards, train, batchSize, microbatchSize });
    this.evaluation = new EvaluationPlan({ shards, evaluation, microbatchSize });
    this.stepsPerEpoch = this.epochs.stepsPerEpoch;
    this.isScheduled = run.schedule !== undefined;
    this.steps = "steps" in duration ? duration.steps : duration.epochs * this.stepsPerEpoch;
    this.evaluateEvery = this.inSteps(run.evaluateEvery) ?? this.steps;
  }

  get runPlan(): RunPlan {
    const { run, startWorkers, minWorkers } = this.options;
    return {
      steps: this.steps,
      stepSamples: (step) => this.step(step).microbatches.map(microbatchSamples),
      evaluationSamples: this.evaluation.microbatches().map(microbatchSamples),
      evaluateAfter: (step) => step % this.evaluateEvery === 0,
      checkpointEvery: this.checkpointEvery(run.checkpointEvery),
      startWorkers,
      minWorkers,
      learningRate: run.optimizer.learningRate,
      rateFactor: rateFactors(run.schedule, this),
      averages: run.averageWeights !== undefined,
      ...this.watches(),
      exact: run.exact,
      scalesLoss: run.precision === "mixed",
    };
  }

  /** What to look for in evaluations. */
  private watches(): Pick<RunPlan, "plateau" | "stopEarly"> {
    const { report, run } = this.options;
    const { schedule, stopEarly, goal } = run;
    const watched = <T extends Goal>(own: T) => {
      const criterion = criterionOf(own, goal);
      const value = (totals: Totals): number => {
        const { loss, metrics } = finishReport(report, totals);
        return criterion.metric === "loss" ? loss : metrics[criterion.metric];
      };
      const form = run.metricForms?.[criterion.metric];
      return { ...own, ...criterion, value, ...(form && { form }) };
    };
    return {
      ...(schedule?.kind === "reduceOnPlateau" && { plateau: watched(schedule) }),
      ...(stopEarly && { stopEarly: watched(stopEarly) }),
    };
  }

  /** How good an evaluation is by the run's goal: less is better. */
  readonly score = ({ loss, metrics }: Pick<Evaluation, "loss" | "metrics">): number => {
    const { metric, direction } = criterionOf({}, this.options.run.goal);
    const value = metric === "loss" ? loss : metrics[metric];
    return direction === "lowest" ? value : -value;
  };

  epochOf(step: number): number {
    return step === 0 ? 0 : this.epochs.locate(step).epoch;
  }

  allMicrobatches(step: number): readonly Microbatch[] {
    return this.step(step).microbatches;
  }

  /** In an exact run, which block of the step's tree these microbatches are. */
  place(step: number, indices: readonly number[]): Place | undefined {
    if (!this.options.run.exact) return undefined;
    return { block: { first: indices[0], end: indices[indices.length - 1] + 1 }, microbatches: this.allMicrobatches(step).length };
  }

  microbatches(purpose: Purpose, step: number, indices: readonly number[]): Microbatch[] {
    if (purpose === "evaluate") return indices.map((index) => this.evaluation.microbatch(index));
    const { microbatches } = this.step(step);
    return indices.map((index) => microbatches[index]);
  }

  /**
   * The shards that whoever has these microbatches of a step will need next, if shares stay as they are: the same lanes of the
   * coming steps, and the same part of the evaluation where one comes before them.
   */
  upcomingShards(purpose: Purpose, step: number, indices: readonly number[]): number[] {
    const { lanes } = this.epochs;
    if (purpose === "evaluate") {
      const scale = lanes / Math.max(1, this.evaluation.count);
      const first = Math.floor(indices[0] * scale);
      const last = Math.min(lanes - 1, Math.floor(indices[indices.length - 1] * scale));
      return this.trainingShards(
        step,
        Array.from({ length: last - first + 1 }, (_, i) => first + i),
      );
    }
    return [...new Set([...this.trainingShards(step, indices), ...this.evaluationShards(step, indices)])];
  }

  private trainingShards(step: number, lanes: readonly number[]): number[] {
    return this.epochs.upcomingShards(step, lanes, Math.min(lookAheadSteps, this.steps - step));
  }

  private evaluationShards(step: number, lanes: readonly number[]): number[] {
    const next = Math.min(Math.ceil(step / this.evaluateEvery) * this.evaluateEvery, this.steps);
    if (next - step >= lookAheadSteps || this.evaluation.count === 0 || lanes.length === 0) return [];
    const scale = this.evaluation.count / this.epochs.lanes;
    const first = Math.floor(lanes[0] * scale);
    const end = Math.ceil((lanes[lanes.length - 1] + 1) * scale);
    const indices = Array.from({ length: Math.min(end, this.evaluation.count) - first }, (_, i) => first + i);
    return microbatchShards(indices.map((index) => this.evaluation.microbatch(index)));
  }

  /** Undefined for "end": that comes by itself. */
  private inSteps(interval: Interval): number | undefined {
    if (interval === "end") return undefined;
    return "steps" in interval ? interval.steps : interval.epochs * this.stepsPerEpoch;
  }

  private checkpointEvery(interval: CheckpointInterval): RunPlan["checkpointEvery"] {
    if (interval !== "end" && "seconds" in interval) return { milliseconds: 1000 * interval.seconds };
    const steps = this.inSteps(interval);
    return steps === undefined ? undefined : { steps };
  }

  /** The step that is being computed is asked for again and again. */
  private step(step: number): PlannedStep {
    if (this.planned?.step !== step) this.planned = this.epochs.step(step);
    return this.planned;
  }
}
