// An optimizer at work: the parameters, the gradient sum and the state as long vectors, and what a coordinator does with them.
import { z } from "zod";
import { TabgradError } from "../errors.ts";
import { GraphBuilder, math, type Value } from "../graph/index.ts";
import { compileVectorProgram, VectorMemory, type BoundVectorProgram, type VectorProgram } from "../vector/index.ts";
import { averageDecay } from "./average.ts";
import type { Clip } from "./clip.ts";
import type { VectorPart } from "./groups.ts";
import { updateGraph, updateNames, type UpdateGraphOptions } from "./rule.ts";
import { optimizerSpecSchema, updateRule, type OptimizerSettings, type OptimizerSpec } from "./spec.ts";

const { parameters, gradients, average: averages } = updateNames;
const trainedName = "training.parameters";
const staging = "staging";
/** Values that come from outside pass through this much memory, which stays in the processor's cache. */
const stagingElements = 16_384;
const valueBytes = 4;

/** A part of the flat vector. */
export interface VectorRange {
  /** The first value. Default: 0. */
  readonly offset?: number;
  /** How many values. Default: all that follow. */
  readonly count?: number;
}

export interface StepOptions extends VectorRange {
  /** The number of the optimizer step, 1 for the first one of the run. */
  readonly step: number;
  /** How many samples the gradient sum holds, or what they weigh together. */
  readonly samples: number;
  /** Default: the optimizer's setting. */
  readonly learningRate?: number;
  /** `clipScale` of the whole gradient's norm. Read where the optimizer clips by norm. Default: 1. */
  readonly scale?: number;
}

export interface OptimizerOptions {
  /** The vector as `vectorParts` divides it. Default: one part, trained by the optimizer's settings. */
  readonly parts?: readonly VectorPart[];
  readonly clip?: Clip;
  /** Keep a moving average of the parameters, too. */
  readonly average?: { readonly decay: number };
}

/** Sums over the range; add those of all chunks, in ascending order where bits matter. */
export interface StepResult {
  /** Of the mean gradient, before clipping and weight decay. Not finite exactly if a gradient is not. */
  readonly squaredGradientNorm: number;
  /** Of the new parameters. Not finite exactly if a parameter is not. Neither holds what is frozen, nor the size of running statistics. */
  readonly squaredParameterNorm: number;
  /** How many values of the gradient were clipped; 0 where the optimizer does not clip by value. */
  readonly clippedValues: number;
}

/** Every vector has as many values as the model has parameters, in the order of the flat vector. */
export interface Optimizer {
  readonly settings: OptimizerSettings;
  readonly elements: number;
  /** Of these, how many are trained. */
  readonly trainedElements: number;
  /** The parameters themselves, not a copy: write initial values here, or with `begin`; copy what is to outlive the next step. */
  readonly parameters: Float32Array<ArrayBuffer>;
  /** What to evaluate and to save: the average of the parameters where one is kept, else the parameters. Not a copy. */
  readonly result: Float32Array<ArrayBuffer>;
  /** parameters ← values, and their average, too. */
  begin(values: Float32Array): void;
  /** The gradient sum itself, not a copy. */
  readonly gradients: Float32Array<ArrayBuffer>;
  /** gradients ← 0. */
  clearGradients(range?: VectorRange): void;
  /**
   * gradients ← gradients + values, beginning at `offset`.
   * @param values float32 numbers, or their little-endian bytes, at any alignment
   */
  accumulate(offset: number, values: Float32Array | Uint8Array): void;
  /**
   * The squared norm of the mean gradient of parameters that are trained; not finite exactly if a gradient is not, or what moves a running statistic. It changes nothing: a coordinator that asks this
   * for the whole vector before the first `step` never has parameters that a bad gradient has touched.
   */
  squaredGradientNorm(range: VectorRange & { readonly samples: number }): number;
  /**
   * Updates parameters and state from the gradient sum. Chunks may be updated one after another, in any order, each once in a step:
   * the parameters' bits do not depend on how the vector is cut.
   */
  step(options: StepOptions): StepResult;
  /**
   * The state by name ("adam.first_moment"), for a checkpoint: the vectors themselves, not copies. Where an average is kept, the
   * parameters that go on being trained belong to it, as "training.parameters".
   */
  stateVectors(): Record<string, Float32Array<ArrayBuffer>>;
  /** Takes over state from a checkpoint. @throws TabgradError CHECKPOINT_INVALID if names or lengths are not this optimizer's. */
  restoreState(vectors: Readonly<Record<string, ArrayLike<number>>>): void;
}

/**
 * @param elements the number of parameters
 * @throws TabgradError OPTION_INVALID for a wrong setting, MODEL_TOO_LARGE if the vectors need more than 4 GiB (500 million parameters
 *   for plain sgd, 260 million for Adam) or more than the machine has
 */
export function createOptimizer(spec: OptimizerSpec, elements: number, { parts, clip, average }: OptimizerOptions = {}): Optimizer {
  const settings = parse(spec);
  const rule = updateRule(settings);
  const { weightDecay } = settings;
  const whole = { offset: 0, count: elements, rateFactor: 1, weightDecay, frozen: false };
  const moved = checkParts(parts ?? [whole], elements).filter((part) => !part.frozen);
  const trained = moved.filter(({ momentum }) => momentum === undefined);
  const statistics = moved.filter(({ momentum }) => momentum !== undefined);
  const vectors = [parameters, gradients, ...rule.state, ...(average ? [averages] : [])];
  const memory = new VectorMemory({ ...Object.fromEntries(vectors.map((name) => [name, elements])), [staging]: stagingElements });
  const updates = compileUpdates(settings, trained, memory, { clip, averages: average !== undefined });
  const follow = statistics.length > 0 ? followStatistic(memory, average !== undefined) : undefined;
  /** The name in the memory by the name in a checkpoint. */
  const saved = new Map([
    ...rule.state.map((name) => [name, name] as const),
    ...(average ? [[trainedName, parameters] as const] : []),
  ]);
  const add = compileVectorProgram(additionGraph()).bind(memory);
  const norm = compileVectorProgram(normGraph()).bind(memory);
  const rangeOf = ({ offset = 0, count = elements - offset }: VectorRange) => {
    if (offset >= 0 && count >= 0 && offset + count <= elements) return { offset, count };
    throw new RangeError(`values ${offset} to ${offset + count} of a vector of ${elements}`);
  };
  const stagingBytes = new Uint8Array(memory.memory.buffer, memory.address(staging), stagingElements * valueBytes);

  return {
    settings,
    elements,
    trainedElements: trained.reduce((sum, { count }) => sum + count, 0),
    parameters: memory.vector(parameters),
    result: memory.vector(average ? averages : parameters),
    begin(values) {
      memory.vector(parameters).set(values);
      if (average) memory.vector(averages).set(values);
    },
    gradients: memory.vector(gradients),
    clearGradients(range = {}) {
      const { offset, count } = rangeOf(range);
      memory.vector(gradients).fill(0, offset, offset + count);
    },
    accumulate(offset, values) {
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      if (bytes.length % valueBytes !== 0) throw new RangeError(`${bytes.length} bytes are not a number of float32 values`);
      if (offset + bytes.length / valueBytes > elements) {
        throw new RangeError(`${bytes.length / valueBytes} values at ${offset} do not fit into ${elements}`);
      }
      for (let start = 0; start < bytes.length; start += stagingBytes.length) {
        const part = bytes.subarray(start, start + stagingBytes.length);
        stagingBytes.set(part);
        add({ offset: offset + start / valueBytes, offsets: { [staging]: 0 }, count: part.length / valueBytes });
      }
    },
    squaredGradientNorm({ samples, ...range }) {
      const normOver = (some: readonly VectorPart[]): number =>
        within(some, rangeOf(range)).reduce((sum, part) => sum + norm(part)[updateNames.squaredGradientNorm], 0);
      const squared = normOver(trained) / checkSamples(samples) ** 2;
      return squared + nothingIfFinite(normOver(statistics));
    },
    step({ step, samples, learningRate = settings.learningRate, scale = 1, ...range }) {
      if (!Number.isInteger(step) || step < 1) throw new RangeError(`steps count from 1; this is step ${step}`);
      const total = { squaredGradientNorm: 0, squaredParameterNorm: 0, clippedValues: 0 };
      checkSamples(samples);
      const kept = average && { [updateNames.averageDecay]: averageDecay(average.decay, step) };
      for (const { index, rateFactor, offset, count } of within(trained, rangeOf(range))) {
        const scalars = { step, samples, learningRate: learningRate * rateFactor, scale, ...kept };
        const sums = updates[index]({ offset, count, scalars });
        total.squaredGradientNorm += sums.squaredGradientNorm;
        total.squaredParameterNorm += sums.squaredParameterNorm;
        total.clippedValues += sums.clippedValues ?? 0;
      }
      for (const { momentum, offset, count } of within(statistics, rangeOf(range))) {
        // Their average is what they are: averaged already, over steps.
        const scalars = { step, samples, learningRate: momentum!, ...(average && { [updateNames.averageDecay]: 0 }) };
        const sums = follow!({ offset, count, scalars });
        total.squaredGradientNorm += nothingIfFinite(sums.squaredGradientNorm);
        total.squaredParameterNorm += nothingIfFinite(sums.squaredParameterNorm);
      }
      return total;
    },
    stateVectors: () => Object.fromEntries([...saved].map(([name, own]) => [name, memory.vector(own)])),
    restoreState(restored) {
      checkState(settings.kind, [...saved.keys()], elements, restored);
      for (const [name, own] of saved) memory.vector(own).set(restored[name]);
    },
  };
}

/** The update of each part. Parts that differ in offset alone share one, whose scalars are then the same from call to call. */
function compileUpdates(
  settings: OptimizerSettings,
  parts: readonly VectorPart[],
  memory: VectorMemory,
  options: UpdateGraphOptions,
): BoundVectorProgram[] {
  const programs = new Map<number, VectorProgram>();
  const bound = new Map<string, BoundVectorProgram>();
  return parts.map(({ weightDecay, rateFactor }) => {
    const program =
      programs.get(weightDecay) ?? compileVectorProgram(updateGraph(updateRule({ ...settings, weightDecay }), options));
    programs.set(weightDecay, program);
    const key = `${weightDecay} ${rateFactor}`;
    const update = bound.get(key) ?? program.bind(memory);
    bound.set(key, update);
    return update;
  });
}

/** The step of running statistics: plain gradient descent with their momentum as the rate, whatever the run's optimizer is. */
function followStatistic(memory: VectorMemory, averages: boolean): BoundVectorProgram {
  const rule = updateRule(optimizerSpecSchema.parse({ kind: "sgd", learningRate: 1 }));
  return compileVectorProgram(updateGraph(rule, { averages })).bind(memory);
}

/** What running statistics add to a norm: nothing, but that it is not finite where they are not. */
const nothingIfFinite = (squared: number): number => (Number.isFinite(squared) ? 0 : NaN);

/** What of the parts lies in the range, each with its index. */
function within<T extends Required<VectorRange>>(parts: readonly T[], range: Required<VectorRange>): (T & { index: number })[] {
  return parts.flatMap((part, index) => {
    const offset = Math.max(part.offset, range.offset);
    const count = Math.min(part.offset + part.count, range.offset + range.count) - offset;
    return count > 0 ? [{ ...part, offset, count, index }] : [];
  });
}

function checkParts(parts: readonly VectorPart[], elements: number): readonly VectorPart[] {
  const end = parts.reduce((position, { offset, count }) => (offset === position ? offset + count : NaN), 0);
  if (end !== elements) throw new RangeError(`the parts do not make up a vector of ${elements} values, one after another`);
  return parts;
}

function vectorGraph(names: readonly string[], build: (...values: Value[]) => Record<string, Value>) {
  const builder = new GraphBuilder(1);
  return builder.graph(build(...names.map((name) => builder.emit("input", [], { name, shape: [], batched: true }))));
}

/** gradients ← gradients + staging. */
const additionGraph = () => vectorGraph([gradients, staging], (sum, values) => ({ [gradients]: math.add(sum, values) }));

/** ‖gradients‖². */
const normGraph = () => vectorGraph([gradients], (sum) => ({ [updateNames.squaredGradientNorm]: math.sum(math.square(sum)) }));

function parse(spec: OptimizerSpec): OptimizerSettings {
  const parsed = optimizerSpecSchema.safeParse(spec);
  if (parsed.success) return parsed.data;
  throw new TabgradError(
    "OPTION_INVALID",
    `The optimizer is not valid.\n${z.prettifyError(parsed.error)}`,
    "Change the settings named.",
  );
}

function checkSamples(samples: number): number {
  if (Number.isFinite(samples) && samples > 0) return samples;
  throw new RangeError(`a gradient sum is divided by a number above 0, not ${samples}`);
}

function checkState(
  kind: string,
  names: readonly string[],
  elements: number,
  restored: Readonly<Record<string, ArrayLike<number>>>,
): void {
  const remedy =
    "Resume with the optimizer and the model that the checkpoint was written with, or start a new run from its parameters.";
  const list = (all: readonly string[]): string => (all.length > 0 ? all.join(", ") : "nothing");
  const found = Object.keys(restored);
  if (found.length !== names.length || names.some((name) => !found.includes(name))) {
    throw new TabgradError("CHECKPOINT_INVALID", `The optimizer state holds ${list(found)}; ${kind} needs ${list(names)}.`, remedy);
  }
  const wrong = names.find((name) => restored[name].length !== elements);
  if (wrong) {
    const message = `The optimizer state ${wrong} has ${restored[wrong].length} values; the model has ${elements} parameters.`;
    throw new TabgradError("CHECKPOINT_INVALID", message, remedy);
  }
}
