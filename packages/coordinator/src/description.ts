// What a run is, in the words of each who is told: those who watch, workers, pages, and checkpoints.
import {
  discovery,
  graphToJson,
  layerSummaries,
  metricNames,
  parameterSlots,
  reportedMetrics,
  sampleSums,
  trainedStretches,
  type Hello,
  type LabelDescription,
  type RunDescription,
  type RunDocument,
  type StartEvent,
  type Stretch,
  type TabgradError,
  type Welcome,
} from "@tabgrad/core";
import { randomUUID } from "node:crypto";
import type { Manifest, ManifestFacts } from "./checkpoint/index.ts";
import { fingerprint } from "@tabgrad/data";
import type { RunState } from "./decide/index.ts";
import { checkpointsKept, type CoordinatorOptions } from "./options.ts";
import type { Schedule } from "./plan.ts";
import type { Reducer } from "./reduce/reducer.ts";
import { kindOf, otherKind } from "./rim/kind.ts";
import { silenceMs } from "./rim/sockets.ts";

export class Description {
  readonly runId: string;
  /** Of the model's metrics, in the order of the sums. */
  readonly metrics: readonly string[];
  /** How many numbers these are together. */
  readonly metricSums: number;
  private readonly options: CoordinatorOptions;
  private readonly schedule: Schedule;
  private readonly reducer: Reducer;
  private readonly graph: string;
  private readonly dataFingerprint: string;
  /** What of the flat vector is trained. */
  private readonly trained: readonly Stretch[];
  /** The kind of engine that an exact run computes on, once it has its first worker. */
  private engineKind: string | undefined;

  constructor(options: CoordinatorOptions, schedule: Schedule, reducer: Reducer) {
    this.options = options;
    const before = options.resumption?.checkpoint.manifest;
    this.runId = before?.runId ?? randomUUID();
    this.engineKind = before?.format === 2 ? before.engineKind : undefined;
    this.dataFingerprint = fingerprint(options.dataset.description);
    this.schedule = schedule;
    this.reducer = reducer;
    this.metrics = metricNames(options.run.graph);
    this.metricSums = sampleSums(options.run.graph).reduce((sum, { elements }) => sum + elements, -1);
    this.graph = graphToJson(options.run.graph);
    this.trained = trainedStretches(parameterSlots(options.run.graph));
  }

  start(url: string, step: number): StartEvent {
    const { run, dataset, name, startWorkers } = this.options;
    const { batchSize, microbatchSize, seed, loss, optimizer, metricForms, schedule } = run.description;
    const classNames = classNamesOf(dataset.description.labels, metricForms);
    return {
      event: "start",
      runId: this.runId,
      name,
      url,
      steps: this.schedule.steps,
      stepsPerEpoch: this.schedule.stepsPerEpoch,
      step,
      batchSize,
      microbatchSize,
      parameters: this.reducer.elements,
      trainSamples: dataset.description.train.samples,
      evaluationSamples: dataset.description.evaluation.samples,
      seed,
      startWorkers,
      lossName: loss,
      optimizerName: optimizer.kind,
      metricNames: reportedMetrics(run.report),
      ...(metricForms && { metricForms }),
      ...(classNames && { classNames }),
      ...(schedule && { scheduleName: schedule.kind }),
      layers: layerSummaries(run.graph),
    };
  }

  welcome(worker: string): Welcome {
    const { run, dataset } = this.options;
    const { microbatchSize, seed, precision } = run.description;
    const { fields, shards } = dataset.description;
    return {
      type: "welcome",
      runId: this.runId,
      graph: this.graph,
      metrics: this.metrics,
      microbatchSize,
      chunkElements: this.reducer.moving.chunks.chunkElements,
      parameterElements: this.reducer.elements,
      fields,
      shards,
      seed,
      silenceMs: 2 * silenceMs,
      worker,
      exact: run.description.exact,
      ...(run.description.transforms.length > 0 && { transforms: run.description.transforms }),
      ...(precision !== "float32" && { precision }),
      ...(this.reducer.moving.chunks.elements < this.reducer.elements && { trained: this.trained }),
    };
  }

  /** Why this worker can't be let in, if so. The first one decides on which kind of engine an exact run computes. */
  objection(hello: Hello): TabgradError | undefined {
    if (!this.options.run.description.exact) return undefined;
    const kind = kindOf(hello);
    this.engineKind ??= kind;
    return kind === this.engineKind ? undefined : otherKind(this.engineKind, kind);
  }

  /** For whoever looks for coordinators. */
  identity({ step, phase, workers }: RunState): Readonly<Record<string, unknown>> {
    return { ...discovery, run: this.runId, step, steps: this.schedule.steps, workers: workers.size, phase };
  }

  document(): RunDocument {
    const { name, dataset } = this.options;
    return { runId: this.runId, name, graph: this.graph, dataset: dataset.description };
  }

  /**
   * The learning rate and the loss scale are those of the coming steps: a run that goes on from the checkpoint goes on with them.
   * @param port that it listens on
   */
  manifest(
    { learningRate, lossScale }: Pick<RunState, "learningRate" | "lossScale">,
    evaluation: Manifest["evaluation"],
    port: number,
  ): ManifestFacts {
    const { run, software, name, baseDirectory, dataset, host, tls, tlsFiles, keep = checkpointsKept } = this.options;
    const { shards, train, features, labels, text } = dataset.description;
    const { version: step } = this.reducer;
    return {
      format: 2,
      tabgrad: software,
      runId: this.runId,
      name,
      baseDirectory,
      listened: { host, port, tls: tls !== undefined, ...(tlsFiles && { tlsFiles }) },
      step,
      epoch: this.schedule.epochOf(step),
      run: run.description,
      learningRate,
      ...(lossScale && { lossScale }),
      engineKind: this.engineKind,
      keep,
      dataset: {
        fingerprint: this.dataFingerprint,
        shards: shards.map(({ samples }) => samples),
        train: { samples: train.samples, shards: [...train.shards] },
        features,
        labels,
        ...(text && { text }),
      },
      evaluation,
    };
  }
}

/** Where a metric tells something of each class: a vocabulary is not told for nothing. */
function classNamesOf(labels: LabelDescription, forms: RunDescription["metricForms"] = {}): readonly string[] | undefined {
  if (!Object.values(forms).some((form) => form !== "share")) return undefined;
  // Values that are a yes or no each.
  return labels.kind === "values" ? ["no", "yes"] : labels.names;
}
