// What was found, for a person.
import { formatShape, labelShape, type FeatureDescription, type LabelDescription } from "@tabgrad/core";
import pc from "picocolors";
import { bytes, count, decimal, metrics } from "../output/format.ts";
import { table } from "../output/table.ts";
import type { CheckpointFindings, DataFindings } from "./checkpoint.ts";
import type { TensorFindings } from "./tensors.ts";
import type { WeightsFindings } from "./weights.ts";

export function checkpointText(findings: CheckpointFindings, layers: string): string {
  const { path, step, epoch, run, learningRate, evaluation, files } = findings;
  const { kind, learningRate: _begun, ...settings } = run.optimizer;
  const held = evaluation && `loss ${decimal(evaluation.loss)}  ${metrics(evaluation.metrics, run.metricForms)}`;
  const measured = evaluation && (evaluation.step === step ? "" : `  (at step ${count(evaluation.step)})`);
  const facts = [
    ["checkpoint", path],
    ["run", `${findings.name ?? "?"}  ${pc.dim(findings.runId)}`],
    ["saved", `${findings.savedAt} by tabgrad ${findings.tabgrad}`],
    ["step", `${count(step)}, in epoch ${count(epoch)}`],
    ["held out", held === null ? "not measured yet" : `${held}${measured}`],
    ["loss", run.metrics.length > 0 ? `${run.loss}, with ${run.metrics.join(", ")}` : run.loss],
    ["optimizer", [`${kind} with learningRate ${learningRate}`, ...pairs(settings)].join(", ")],
    ["batches", `${count(run.batchSize)} samples, in microbatches of ${count(run.microbatchSize)}; seed ${run.seed}`],
    ["data", `${run.data.kind}${findings.data ? `, ${dataWords(findings.data)}` : ""}`],
    ...files.map((file, i) => [i === 0 ? "files" : "", fileWords(file)]),
  ];
  const parameters = findings.parameters.length > 0 ? `\n\n${tensorTable(findings.parameters)}` : "";
  return `${table(facts)}\n\n${layers}${parameters}\n`;
}

export function weightsText({ path, bytes: size, metadata, tensors }: WeightsFindings): string {
  const facts = [
    ["weights", path],
    ["size", `${bytes(size)}, ${count(tensors.length)} tensors`],
    ...pairs(metadata).map((pair, i) => [i === 0 ? "metadata" : "", pair]),
  ];
  return `${table(facts)}\n\n${tensorTable(tensors)}\n`;
}

function tensorTable(tensors: readonly TensorFindings[]): string {
  const total = tensors.reduce((sum, { values }) => sum + values, 0);
  const shown = (value: number | null): string => (value === null ? "–" : decimal(value));
  const rows = tensors.map(({ name, type, shape, values, mean, deviation, least, greatest, notFinite }) => [
    name,
    type,
    formatShape(shape),
    count(values),
    ...[mean, deviation, least, greatest].map(shown),
    notFinite > 0 ? pc.red(`${count(notFinite)} not finite`) : "",
  ]);
  const head = ["parameter", "type", "shape", "values", "mean", "deviation", "least", "greatest", ""];
  return table([head, ...rows, ["total", "", "", count(total), "", "", "", "", ""]], new Set([3, 4, 5, 6, 7]));
}

function dataWords({ trainSamples, features, labels }: DataFindings): string {
  const parts = [`${count(trainSamples)} samples to learn from`];
  if (features) parts.push(featureWords(features));
  if (labels) parts.push(labelWords(labels));
  return parts.join("; ");
}

function featureWords({ shape, names }: FeatureDescription): string {
  return `features ${formatShape(shape)}${names ? `: ${some(names)}` : ""}`;
}

function labelWords(labels: LabelDescription): string {
  const names = labels.names ? `: ${some(labels.names)}` : "";
  const shape = labelShape(labels);
  if (labels.kind === "values") return `values ${formatShape(shape)}${names}`;
  return `${count(labels.count)} classes${shape.length > 0 ? ` at each of ${formatShape(shape)}` : ""}${names}`;
}

/** The first few of many. */
function some(names: readonly string[]): string {
  const most = 12;
  const shown = names.slice(0, most).map(quoted).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

/** In quotes where a name would not be seen, or be taken for two: the characters of a text are names, too. */
const quoted = (name: string): string => (/^\s|\s$|[\n\r\t,]|^$/.test(name) ? JSON.stringify(name) : name);

function fileWords({ name, bytes: size, sha256, problem }: CheckpointFindings["files"][number]): string {
  if (problem !== undefined) return `${pc.red("✗")} ${name}: ${problem}`;
  return `${pc.green("✓")} ${name}, ${bytes(size)}, SHA-256 ${pc.dim(sha256)}`;
}

const pairs = (settings: object): string[] =>
  Object.entries(settings).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
