// A run that can begin: the graph built, and all of it described as plain data, which a checkpoint keeps and a resumed run reads.
import { z } from "zod";
import { TabgradError } from "../errors.ts";
import { transformedShape } from "../data/transforms/index.ts";
import { metricNames, parameterSlots, withFrozen, type Graph } from "../graph/graph.ts";
import { graphFromJson, graphToJson } from "../graph/json.ts";
import { runGraphs, type DataShape } from "../model/forward-graph.ts";
import { metricForms } from "../model/loss.ts";
import { reportedMetrics, reportGraph } from "../model/report.ts";
import { frozenNames, vectorParts } from "../optimizer/groups.ts";
import { checkGoals } from "./goal.ts";
import { durationSchema, microbatchSizeSchema, settingsShape } from "./schema.ts";
import type { RunSettings } from "./settings.ts";

export const runDescriptionVersion = 1;

const descriptionSchema = z.strictObject({
  version: z.literal(runDescriptionVersion),
  ...settingsShape,
  microbatchSize: microbatchSizeSchema,
  duration: durationSchema,
  /** The names of loss and metrics, for people; what they compute is in the graph. */
  loss: z.string(),
  metrics: z.array(z.string()),
  /** What those are that are no plain numbers; absent in descriptions of versions that did not note it. */
  metricForms: z.record(z.string(), z.enum(metricForms)).optional(),
  /** The forward graph, in the format of docs/graph.md. */
  graph: z.unknown(),
  /** How sums become what is reported, in the same format; where there is none, all are means. */
  report: z.unknown().optional(),
});

/** A run as plain data: it survives JSON, and says all that a run file and its data said. */
export type RunDescription = Readonly<z.output<typeof descriptionSchema>>;

export interface ResolvedRun {
  readonly description: RunDescription;
  /** The forward graph; `description.graph` is the same as plain data. */
  readonly graph: Graph;
  /** How its sums become what is reported: `finishReport` evaluates it. */
  readonly report: Graph;
}

/**
 * @param data how the dataset describes its features and labels, and what it holds out
 * @throws TabgradError MODEL_INVALID where model, loss, metrics and data do not fit together, RUN_FILE_INVALID where parameter groups,
 *   goals or transforms do not fit the model or the data
 */
export function resolveRun(
  settings: RunSettings,
  data: DataShape & { readonly evaluation?: { readonly samples: number } },
): ResolvedRun {
  const { model, loss, metrics, ...plain } = settings;
  const sampleShape = transformedShape(plain.transforms, data.features.shape);
  const {
    forward: built,
    report,
    forms,
  } = runGraphs({
    ...{ model, loss, data, sampleShape, microbatchSize: plain.microbatchSize },
    ...(metrics && { metrics }),
  });
  const slots = parameterSlots(built);
  // Patterns are checked here, where the names are known.
  vectorParts(plain.optimizer, plain.parameterGroups, slots);
  const graph = withFrozen(built, frozenNames(plain.parameterGroups, slots));
  checkGoals(settings, reportedMetrics(report), data.evaluation?.samples);
  const description: RunDescription = {
    version: runDescriptionVersion,
    ...plain,
    loss: loss.kind,
    metrics: metricNames(report),
    metricForms: forms,
    graph: JSON.parse(graphToJson(graph)) as unknown,
    report: JSON.parse(graphToJson(report)) as unknown,
  };
  return { description, graph, report };
}

/**
 * Reads a description back.
 * @param value what `JSON.parse` made of it
 * @throws TabgradError CHECKPOINT_INVALID where it is not one, GRAPH_INVALID where its graph is not one
 */
export function restoreRun(value: unknown): ResolvedRun {
  const checked = descriptionSchema.safeParse(value);
  if (!checked.success) {
    throw new TabgradError(
      "CHECKPOINT_INVALID",
      `This is not a description of a run of format ${runDescriptionVersion}: ${z.prettifyError(checked.error)}`,
      "Resume with the version of tabgrad that wrote it, or begin a new run.",
    );
  }
  const graph = graphFromJson(JSON.stringify(checked.data.graph));
  const { report } = checked.data;
  return {
    description: checked.data,
    graph,
    report: report === undefined ? reportGraph(graph) : graphFromJson(JSON.stringify(report)),
  };
}
