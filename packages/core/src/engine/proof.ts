// Whether an engine can be trusted, and how fast it is: what a person wants to know of a machine before it takes part in a run.
import { featuresField, labelsField } from "../data/description.ts";
import { evaluate } from "../graph/evaluate.ts";
import { parameterElements, parameterSlots, type Graph } from "../graph/graph.ts";
import { gradientPrefix, trainingGraph } from "../graph/training.ts";
import { relu, tanh } from "../model/activations.ts";
import { dense } from "../model/dense.ts";
import { forwardGraph } from "../model/forward-graph.ts";
import type { Layer } from "../model/layer.ts";
import { crossEntropy } from "../model/losses.ts";
import { initialParameters } from "../model/parameters.ts";
import { sequential } from "../model/sequential.ts";
import { keyed } from "../random/index.ts";
import type { Batch, Engine, Program } from "./engine.ts";

export interface EngineProof {
  /** Whether no error is above the tolerance. */
  readonly passed: boolean;
  /** ‖g − e‖ / ‖e‖ in the Euclidean norm: g the engine's gradient, e the float64 one. Infinity, in JSON null, where g is not finite. */
  readonly relativeError: number;
  /** max |gᵢ − eᵢ| / max |eᵢ|. */
  readonly worstError: number;
  /** The same of the sum of losses. */
  readonly lossError: number;
  readonly tolerance: number;
  /** Forward and backward of the MLP 784-256-128-10, 256 samples at a time. */
  readonly samplesPerSecond: number;
  /** How long the speed was measured. */
  readonly milliseconds: number;
}

export interface ProofOptions {
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /** The speed is measured for so many milliseconds; the batch under way is finished. Default: 400. */
  readonly budgetMs?: number;
}

/**
 * Float32 rounding leaves about 1e-7 here. A GPU's tanh, exp and log may be off by up to 1e-5 (the accuracy that WGSL asks for), which
 * must pass. Any mistake is far above: products in a 19-bit format (TF32) are off by some 3e-4, one sample too many or too few by 1e-2.
 */
const tolerance = 1e-4;

/** No size is a multiple of a tile, a vector or each other: what is cut wrongly at an edge shows. */
const testNetwork = { features: 37, layers: [dense(23), tanh(), dense(19), relu(), dense(5)], classes: 5 };
const speedNetwork = { features: 784, layers: [dense(256), relu(), dense(128), relu(), dense(10)], classes: 10 };
const speedRows = 256;
const seed = 1;

/**
 * Has the engine compute the gradient of a small network, compares it with the float64 one, and measures the engine's speed. An engine
 * that computes wrongly does not pass; the engine stays open.
 * @throws TabgradError where the engine cannot compute at all: what it throws itself
 */
export async function proveEngine(
  engine: Engine,
  { now = () => performance.now(), budgetMs = 400 }: ProofOptions = {},
): Promise<EngineProof> {
  const errors = await compareGradient(engine);
  const speed = await measureSpeed(engine, now, budgetMs);
  return { passed: Object.values(errors).every((error) => error <= tolerance), ...errors, tolerance, ...speed };
}

/** Two batches of one shape, so that gradients are added up too; the second one ends with padding. 29 samples in all. */
async function compareGradient(engine: Engine): Promise<Pick<EngineProof, "relativeError" | "worstError" | "lossError">> {
  const graph = graphOf(testNetwork);
  const parameters = initialParameters(graph, seed);
  const batches = [16, 13].map((samples, index) => batchOf(testNetwork, { rows: 16, samples, index }));
  const exact = exactGradient(graph, batches, parameters);
  const { gradients, lossSum } = await withProgram(engine, graph, async (program) => {
    const found = new Float32Array(program.parameterElements).fill(NaN);
    await program.setParameters(parameters);
    return { gradients: found, lossSum: (await program.train(batches, found)).lossSum };
  });
  const differences = exact.gradients.map((value, i) => value - gradients[i]);
  return {
    relativeError: ratio(Math.hypot(...differences), Math.hypot(...exact.gradients)),
    worstError: ratio(largest(differences), largest(exact.gradients)),
    lossError: ratio(Math.abs(lossSum - exact.lossSum), Math.abs(exact.lossSum)),
  };
}

/** In float64. */
function exactGradient(
  graph: Graph,
  batches: readonly Batch[],
  parameters: Float32Array,
): { gradients: Float64Array; lossSum: number } {
  const gradients = new Float64Array(parameterElements(graph));
  let lossSum = 0;
  for (const { rows, inputs, weights } of batches) {
    const outputs = evaluate(trainingGraph(graph, rows), { ...inputs, weights }, parameters);
    lossSum += outputs.loss.data[0];
    for (const { name, offset } of parameterSlots(graph)) {
      outputs[gradientPrefix + name].data.forEach((value, i) => (gradients[offset + i] += value));
    }
  }
  return { gradients, lossSum };
}

/** The first batch is for warming up: the engine compiles, and fills its caches. */
async function measureSpeed(
  engine: Engine,
  now: () => number,
  budgetMs: number,
): Promise<Pick<EngineProof, "samplesPerSecond" | "milliseconds">> {
  const graph = graphOf(speedNetwork);
  const batch = batchOf(speedNetwork, { rows: speedRows, samples: speedRows, index: 0 });
  return withProgram(engine, graph, async (program) => {
    const gradients = new Float32Array(program.parameterElements);
    await program.setParameters(initialParameters(graph, seed));
    await program.train([batch], gradients);
    const began = now();
    let samples = 0;
    let milliseconds = 0;
    // A browser's clock may stand still for a millisecond.
    while (milliseconds < Math.max(budgetMs, 1)) {
      await program.train([batch], gradients);
      samples += batch.samples;
      milliseconds = now() - began;
    }
    return { samplesPerSecond: (1000 * samples) / milliseconds, milliseconds };
  });
}

interface Network {
  readonly features: number;
  readonly layers: readonly Layer[];
  readonly classes: number;
}

const graphOf = ({ features, layers, classes }: Network): Graph =>
  forwardGraph({
    model: sequential(...layers),
    loss: crossEntropy(),
    data: { features: { shape: [features], scale: 1, shift: 0 }, labels: { kind: "classes", count: classes } },
  });

/** Random samples, the same everywhere; the rows of padding are filled with more of them, so that it shows if they count. */
function batchOf(
  { features, classes }: Network,
  { rows, samples, index }: { rows: number; samples: number; index: number },
): Batch {
  const values = new Float32Array(rows * features);
  keyed(seed, "sample", index, 0).fillUniform(values, -1, 1);
  const label = keyed(seed, "sample", index, 1);
  const labels = Float32Array.from({ length: rows }, (_, row) => label.integer(row, classes));
  const weights = Float32Array.from({ length: rows }, (_, row) => (row < samples ? 1 : 0));
  return { rows, samples, inputs: { [featuresField]: values, [labelsField]: labels }, weights };
}

async function withProgram<T>(engine: Engine, graph: Graph, use: (program: Program) => Promise<T>): Promise<T> {
  const program = await engine.compile(graph);
  try {
    return await use(program);
  } finally {
    await program.close();
  }
}

/** NaN becomes Infinity: it is no small error. */
const ratio = (difference: number, scale: number): number => (Number.isNaN(difference) ? Infinity : difference / scale);

const largest = (values: Float64Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
