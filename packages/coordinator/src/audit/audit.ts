// Proves from a journal that every sample of every epoch counted exactly once, or names the first step where it did not. A pure
// function: what happened against what was planned.
import { indicesOf, type StepEvent } from "@tabgrad/core";
import type { JournalRecord } from "../telemetry/journal.ts";
import { historyOf, type Flaw, type History } from "./history.ts";
import type { AuditPlan } from "./plan.ts";

/** What was found in the newest checkpoint's files. */
export interface CheckpointFinding {
  readonly step: number;
  /** SHA-256 of the parameters that its manifest names, and of those that are in its file. */
  readonly stated: string;
  readonly found: string;
}

export interface WorkerAccount {
  /** Workers are known by name: one that came back has another id. */
  readonly name: string;
  readonly microbatches: number;
  readonly samples: number;
  /** Of all samples, 0 to 1. */
  readonly share: number;
}

export interface AuditReport {
  readonly runId: string;
  /** Steps that counted, and the samples in them. */
  readonly steps: number;
  readonly samples: number;
  /** Epochs in which every sample counted once. */
  readonly wholeEpochs: number;
  /** How often the coordinator was started again, and how many steps were taken again for it. */
  readonly resumptions: number;
  readonly repeatedSteps: number;
  readonly discarded: number;
  /** The one that did most comes first. */
  readonly workers: readonly WorkerAccount[];
  /** Each from a step on, before the schedule. */
  readonly learningRates: readonly { readonly step: number; readonly learningRate: number }[];
  readonly checkpoint: { readonly step: number; readonly parametersSha256: string };
  /** The first thing that is wrong. */
  readonly flaw?: Flaw;
}

export function audit(records: Iterable<JournalRecord>, plan: AuditPlan, checkpoint: CheckpointFinding): AuditReport {
  const history = historyOf(records, plan.runId);
  if ("what" in history) return report(nothing, plan, checkpoint, history);
  return report(history, plan, checkpoint, firstFlaw(history, plan, checkpoint));
}

const nothing: History = { starts: [], steps: [], repeated: 0, discarded: 0, wishes: new Map(), scales: new Map() };

function firstFlaw(history: History, plan: AuditPlan, checkpoint: CheckpointFinding): Flaw | undefined {
  if (history.starts.length === 0) return { step: 0, what: `the journal does not tell of run ${plan.runId}` };
  const counted = new SampleCounts(plan);
  const rates = new Rates(history, plan);
  for (const event of history.steps) {
    const what = stepFlaw(event, plan) ?? rates.flaw(event) ?? counted.add(event.step);
    if (what !== undefined) return { step: event.step, what };
  }
  return checkpointFlaw(history, checkpoint);
}

/** The learning rates that steps may have: what people changed, and what the schedule made of that. */
class Rates {
  private readonly history: History;
  private readonly plan: AuditPlan;
  /** Before the schedule. */
  private base: number;
  private scale = 1;
  private length = 0;
  private factor: (step: number) => number = () => 1;

  constructor(history: History, plan: AuditPlan) {
    this.history = history;
    this.plan = plan;
    this.base = plan.learningRate;
  }

  /** Of the step after the one that this was asked of before. */
  flaw({ step, learningRate, baseLearningRate = learningRate }: StepEvent): string | undefined {
    const before = this.base;
    if (![before, ...(this.history.wishes.get(step - 1) ?? [])].includes(baseLearningRate)) {
      return `its learning rate is ${baseLearningRate}, and nobody changed it from ${before}`;
    }
    this.base = baseLearningRate;
    this.scale = this.history.scales.get(step - 1) ?? this.scale;
    const scheduled = baseLearningRate * this.factorOf(step) * this.scale;
    return learningRate === scheduled ? undefined : `its learning rate is ${learningRate}, and the schedule makes it ${scheduled}`;
  }

  /** A run that was given more steps has another schedule from there on. */
  private factorOf(step: number): number {
    const { rateFactors } = this.plan;
    const length = this.history.starts.findLast((start) => start.step < step)?.steps ?? 0;
    if (rateFactors && length !== this.length) this.factor = rateFactors(length);
    this.length = length;
    return this.factor(step);
  }
}

/** What is wrong with a step by itself. */
function stepFlaw({ step, epoch, samples, shares }: StepEvent, plan: AuditPlan): string | undefined {
  const planned = plan.step(step);
  if (epoch !== planned.epoch) return `it is said to be of epoch ${epoch}, and is of epoch ${planned.epoch}`;
  const sizes = new Map(planned.microbatches.map(({ index, slices }) => [index, sum(slices.map((slice) => slice.samples.length))]));
  const by = new Map<number, string>();
  for (const share of shares) {
    if (!Array.isArray(share.microbatches)) return "the journal does not say which microbatches counted: an older tabgrad wrote it";
    let own = 0;
    for (const index of indicesOf(share.microbatches)) {
      const size = sizes.get(index);
      const other = by.get(index);
      if (size === undefined) return `${share.name} counted for microbatch ${index}, which the step has not got`;
      if (other !== undefined) return `microbatch ${index} counted twice: from ${other} and from ${share.name}`;
      by.set(index, share.name);
      own += size;
    }
    if (own !== share.samples) return `${share.name} counted for ${share.samples} samples, its microbatches have ${own}`;
  }
  const missing = [...sizes.keys()].filter((index) => !by.has(index));
  if (missing.length > 0) return `microbatch ${missing.join(", ")} did not count`;
  return samples === planned.samples ? undefined : `it summed ${samples} samples, and has ${planned.samples}`;
}

/** Counts every sample of an epoch, to see that each is there once when the epoch is over. */
class SampleCounts {
  private readonly plan: AuditPlan;
  private readonly seen: Uint8Array[];
  private count = 0;

  constructor(plan: AuditPlan) {
    this.plan = plan;
    this.seen = plan.shards.map((samples) => new Uint8Array(samples));
  }

  /** @returns what is wrong, with this step or with the epoch that it ends */
  add(step: number): string | undefined {
    for (const { slices } of this.plan.step(step).microbatches) {
      for (const { shard, samples } of slices) {
        for (const sample of samples) {
          if (this.seen[shard][sample]++ > 0) return `sample ${sample} of shard ${shard} counted twice in its epoch`;
          this.count++;
        }
      }
    }
    if (step % this.plan.stepsPerEpoch !== 0) return undefined;
    const { count } = this;
    this.count = 0;
    for (const samples of this.seen) samples.fill(0);
    return count === this.plan.samples ? undefined : `its epoch ends with ${count} samples, and has ${this.plan.samples}`;
  }
}

function checkpointFlaw({ steps, done }: History, { step, stated, found }: CheckpointFinding): Flaw | undefined {
  if (stated !== found) return { step, what: `the checkpoint's parameters have the SHA-256 ${found}, its manifest says ${stated}` };
  if (step > steps.length) return { step, what: `there is a checkpoint of it, and the journal ends with step ${steps.length}` };
  if (!done || done.outcome === "diverged") return undefined;
  if (done.step !== steps.length)
    return { step: done.step, what: `the run is said to end with it, the journal ends with step ${steps.length}` };
  if (done.step === step && done.parametersSha256 !== stated)
    return { step, what: `the run ended with parameters of SHA-256 ${done.parametersSha256}, the checkpoint has ${stated}` };
  return undefined;
}

function report(history: History, plan: AuditPlan, checkpoint: CheckpointFinding, flaw: Flaw | undefined): AuditReport {
  const { starts, steps, repeated, discarded } = history;
  return {
    runId: plan.runId,
    steps: steps.length,
    samples: sum(steps.map(({ samples }) => samples)),
    wholeEpochs: flaw ? 0 : Math.floor(steps.length / plan.stepsPerEpoch),
    resumptions: Math.max(0, starts.length - 1),
    repeatedSteps: repeated,
    discarded,
    workers: accounts(steps),
    learningRates: steps
      .map(({ step, learningRate, baseLearningRate = learningRate }) => ({ step, learningRate: baseLearningRate }))
      .filter(({ learningRate }, i, all) => i === 0 || learningRate !== all[i - 1].learningRate),
    checkpoint: { step: checkpoint.step, parametersSha256: checkpoint.stated },
    ...(flaw && { flaw }),
  };
}

function accounts(steps: readonly StepEvent[]): WorkerAccount[] {
  const done = new Map<string, { microbatches: number; samples: number }>();
  for (const { name, samples, microbatches } of steps.flatMap(({ shares }) => shares)) {
    const before = done.get(name) ?? { microbatches: 0, samples: 0 };
    const more = sum((microbatches ?? []).map(([, count]) => count));
    done.set(name, { microbatches: before.microbatches + more, samples: before.samples + samples });
  }
  const total = sum([...done.values()].map(({ samples }) => samples));
  return [...done]
    .map(([name, account]) => ({ name, ...account, share: total > 0 ? account.samples / total : 0 }))
    .sort((a, b) => b.samples - a.samples);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
