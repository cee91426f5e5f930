// Views for the tests of the dashboard, made by the fold that the dashboard itself uses.
import { follow, initialView, type RunView, type WatchedEvent } from "@tabgrad/core";

export const begin = 1_000_000;

export const startEvent: Extract<WatchedEvent, { event: "start" }> = {
  event: "start",
  runId: "run-1",
  name: "mlp",
  url: "http://127.0.0.1:7070",
  steps: 100,
  stepsPerEpoch: 40,
  step: 0,
  batchSize: 64,
  microbatchSize: 8,
  parameters: 10,
  trainSamples: 2560,
  evaluationSamples: 100,
  seed: 1,
  lossName: "crossEntropy",
  optimizerName: "sgd",
  metricNames: ["accuracy"],
  metricForms: { accuracy: "share" },
  layers: [{ layer: "features", shape: [4], parameters: 0 }],
};

export const running: WatchedEvent = { event: "decision", step: 0, reason: { kind: "running", workers: 1, step: 1 } };
export const paused: WatchedEvent = { event: "decision", step: 0, reason: { kind: "paused" } };

export const stepEvent = (step: number, change: Partial<Extract<WatchedEvent, { event: "step" }>> = {}): WatchedEvent => ({
  event: "step",
  step,
  epoch: 1,
  loss: 1 / step,
  metrics: { accuracy: 0.5 },
  samples: 64,
  samplesPerSecond: 640,
  workers: 1,
  gradientNorm: 2,
  learningRate: 0.1,
  shares: [],
  ...change,
});

export const evaluationEvent = (step: number, accuracy = 0.9785): WatchedEvent => ({
  event: "eval",
  step,
  epoch: 1,
  loss: 0.25,
  metrics: { accuracy },
  samples: 100,
});

export const joinedEvent = (id: string, host = "tab"): WatchedEvent => ({
  event: "worker",
  id,
  name: `name of ${id}`,
  host,
  engine: "gpu",
  device: "a GPU",
  state: "joined",
  workers: 1,
});

/** Events a tenth of a second apart, the first one at `begin`. */
export const viewOf = (...events: readonly WatchedEvent[]): RunView =>
  events.reduce((view, event, i) => follow(view, begin + 100 * i, event), initialView());

export const steps = (count: number): WatchedEvent[] => Array.from({ length: count }, (_, i) => stepEvent(i + 1));
