// A trained model as an ONNX model for any runtime: weights and normalisation inside, any number of rows, standard operators only.
import {
  GraphBuilder,
  graphInputs,
  inferenceGraph,
  math,
  parameterSlots,
  predictionOutput,
  readingOf,
  replay,
  type Graph,
  type Value,
} from "@tabgrad/core";
import { littleEndian } from "./encode.ts";
import { lowerGraph } from "./lower.ts";
import type { OnnxAbout, OnnxGraph, OnnxModel, OnnxTensor, OnnxValueInfo } from "./model.ts";
import { inputTensor, parameterTensor } from "./operations/source.ts";
import { exportedPeepholes } from "./peepholes/index.ts";

export interface ExportOptions {
  /** The flat vector. */
  readonly parameters: Float32Array;
  readonly about: OnnxAbout;
}

/** The output beside "prediction" where the loss reads logits. */
const probabilitiesOutput = "probabilities";

/** How the first dimension of inputs and outputs is called, which only a run knows. */
const rowsDimension = "batch";

/** Any number will do that is not mistaken for a dimension of 1. */
const anyRows = 2;

/**
 * A run's model for whoever has an ONNX runtime. Its input has the name of the graph's ("features": raw values, [batch, …]), its outputs
 * are "prediction" and, where the loss of the run reads logits, "probabilities" (softmax or sigmoid of it). Weights have the names of
 * the parameters.
 * @param forward the run's forward graph
 * @throws TabgradError GRAPH_INVALID where the graph has no prediction
 */
export function exportModel(forward: Graph, { parameters, about }: ExportOptions): OnnxModel {
  const graph = withProbabilities(inferenceGraph(forward, anyRows), forward);
  const { graph: lowered, opset } = lowerGraph(graph, { rules: exportedPeepholes, keepsNaN: false });
  return { graph: withWeights(lowered, graph, weightsOf(forward, parameters)), opset, about };
}

/** What the loss would make of the prediction, as an output beside it. */
function withProbabilities(graph: Graph, forward: Graph): Graph {
  const reading = readingOf(forward);
  if (reading === "values") return graph;
  const builder = new GraphBuilder(graph.rows);
  const prediction = replay(graph, builder)[graph.outputs[predictionOutput]];
  const probabilities: Value = builder.scope(probabilitiesOutput, () =>
    reading === "classLogits" ? math.softmax(prediction) : math.sigmoid(prediction),
  );
  return builder.graph({ [predictionOutput]: prediction, [probabilitiesOutput]: probabilities });
}

function weightsOf(forward: Graph, parameters: Float32Array): Map<string, OnnxTensor> {
  return new Map(
    parameterSlots(forward).map(({ name, shape, offset, elements }) => [
      parameterTensor(name),
      { name: freeName(name), type: "float", shape, data: parameters.subarray(offset, offset + elements) },
    ]),
  );
}

/** Generated names hold a space, and no others may. */
const freeName = (parameter: string): string => (parameter.includes(" ") ? parameterTensor(parameter) : parameter);

/** What was fed as a parameter becomes a constant; inputs and outputs get their plain names and a first dimension that is free. */
function withWeights(lowered: OnnxGraph, graph: Graph, weights: ReadonlyMap<string, OnnxTensor>): OnnxGraph {
  const inputs = new Map(graphInputs(graph).map((input) => [inputTensor(input.name), input]));
  const names = new Map([...weights].map(([tensor, { name }]) => [tensor, name]));
  for (const [tensor, { name }] of inputs) names.set(tensor, name);
  const rename = (tensor: string): string => names.get(tensor) ?? tensor;
  const free = (info: OnnxValueInfo): OnnxValueInfo => ({ ...info, shape: [rowsDimension, ...info.shape.slice(1)] });
  const isWeight = ({ name }: OnnxValueInfo): boolean => weights.has(name);
  return {
    ...lowered,
    nodes: lowered.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) })),
    initializers: [...lowered.inputs.filter(isWeight).map(({ name }) => weights.get(name)!), ...lowered.initializers],
    inputs: lowered.inputs
      .filter((input) => !isWeight(input))
      .map((info) => {
        const { name, batched } = inputs.get(info.name)!;
        return { ...(batched ? free(info) : info), name };
      }),
    outputs: lowered.outputs.map(free),
  };
}

export interface ExternalModel {
  readonly model: OnnxModel;
  /** What the file beside the model holds, piece after piece. */
  readonly pieces: readonly Uint8Array[];
}

/** The standard asks for pages, so that a runtime can map the file into memory. */
const pageBytes = 4096;

/**
 * The same model with its weights in a file beside it: protobuf ends at 2 GiB.
 * @param location the name of that file
 */
export function externalise(model: OnnxModel, location: string): ExternalModel {
  const pieces: Uint8Array[] = [];
  let offset = 0;
  const initializers = model.graph.initializers.map((tensor): OnnxTensor => {
    if (tensor.type !== "float" || tensor.data.byteLength < pageBytes) return tensor;
    const bytes = littleEndian(tensor);
    const external = { location, offset, length: bytes.length };
    const padding = (pageBytes - (bytes.length % pageBytes)) % pageBytes;
    pieces.push(bytes, new Uint8Array(padding));
    offset += bytes.length + padding;
    return { ...tensor, external };
  });
  return { model: { ...model, graph: { ...model.graph, initializers } }, pieces };
}
