// What a run tells, and how somebody who watches makes a picture of it.
export { classRecords, type ClassRecord } from "./confusion.ts";
export type {
  DoneEvent,
  EvaluationEvent,
  StartEvent,
  StepEvent,
  Tables,
  TelemetryEvent,
  Vitals,
  VitalsEvent,
  WatchedEvent,
  WorkerAvailability,
  WorkerEvent,
  WorkerShare,
  WorkerTimings,
} from "./events.ts";
export { indicesOf, rangesOf, type IndexRange } from "./ranges.ts";
export { sentence, standingText, type Reason, type Standing, type WorkerMicrobatches } from "./reasons.ts";
export {
  measures,
  packSeries,
  Series,
  seriesCapacity,
  unpackSeries,
  type Measure,
  type PackedSeries,
  type SeriesPoint,
} from "./series.ts";
export { packView, unpackView, type PackedView } from "./snapshot.ts";
export { decimal, metricText, percent } from "./values.ts";
export {
  follow,
  followSteps,
  initialView,
  viewBounds,
  type DepartedWorker,
  type NotedCheckpoint,
  type NotedDecision,
  type RunView,
  type TimedEvaluation,
  type TimedStep,
  type ViewPhase,
  type WorkerView,
} from "./view.ts";
export {
  parametersPath,
  runDocumentPath,
  versionHeader,
  watchPath,
  watchRequestBytes,
  watchSubprotocol,
  type Histogram,
  type Links,
  type RunDocument,
  type TensorHistograms,
  type WatchError,
  type WatchRecord,
} from "./watch.ts";
export { watchRequestSchema, type ControlCommand, type WatchRequest } from "./watch-request.ts";
