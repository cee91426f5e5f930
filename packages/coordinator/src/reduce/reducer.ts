// Where the workers' gradients become one optimizer step: contributions are added as they come, chunk by chunk; the step divides the
// sum by the samples, once, and hands out each new chunk as soon as it is there.
import {
  clipScale,
  encodeToWorker,
  otherStretches,
  PackedLayout,
  parameterSlots,
  runOptimizer,
  TabgradError,
  trainedStretches,
  type Block,
  type Clip,
  type Optimizer,
  type ParameterSlot,
  type ResolvedRun,
  type Stretch,
} from "@tabgrad/core";
import { createHash } from "node:crypto";
import type { NamedTensor } from "../checkpoint/index.ts";
import { Versions } from "../decide/versions.ts";
import { ExactReduction } from "./tree.ts";

export type Reduction =
  /** `gradientNorm` is that of the mean gradient; `clipped`, where the run clips, the share of it that was cut off. */
  | { readonly kind: "stepped"; readonly gradientNorm: number; readonly clipped?: number }
  /** The run is over: either the gradient is not finite, and no parameter was touched, or the new parameters are not. */
  | { readonly kind: "notFinite"; readonly what: string };

/** A parameter tensor as it is now, and the gradient of the newest step: views, not copies. */
export interface ReducedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly weights: Float32Array;
  readonly gradientSum: Float32Array;
}

/** Where a contribution of an exact run belongs. */
export interface Place {
  readonly block: Block;
  /** Microbatches of the whole step. */
  readonly microbatches: number;
}

export class Reducer {
  /** Of contributions, and of what workers are sent of each version: what is trained. */
  readonly moving: PackedLayout;
  /** Of the rest, which workers are sent once. */
  readonly frozen: PackedLayout;
  /** Steps taken. */
  version: number;
  private readonly optimizer: Optimizer;
  private readonly clip: Clip | undefined;
  private readonly slots: readonly ParameterSlot[];
  /** Whether the gradient vector holds sums of the step under way; if not, it holds those of the step before. */
  private summing = false;
  /** ‖gradient vector‖² where that is known: while it holds one contribution. */
  private squaredNorm: number | undefined;
  /** In an exact run: the sum of the step under way. */
  private exact: ExactReduction | undefined;
  private readonly versions: Versions;
  /** Of the newest step. */
  private samples = 0;

  /** @param initial the flat parameter vector to begin with */
  constructor(run: ResolvedRun, initial: Float32Array, version = 0) {
    this.optimizer = runOptimizer(run);
    this.clip = run.description.clip;
    this.slots = parameterSlots(run.graph);
    const trained = trainedStretches(this.slots);
    this.moving = new PackedLayout(trained);
    this.frozen = new PackedLayout(otherStretches(trained, this.optimizer.elements));
    this.optimizer.begin(initial);
    this.versions = new Versions(run.description.averageWeights !== undefined);
    this.version = version;
  }

  get elements(): number {
    return this.optimizer.elements;
  }

  /**
   * Adds one contribution: the sum of the gradients of some samples, all its chunks.
   * @param squaredNorm ‖contribution‖² as `ContributionNorm` has it, where that is known
   * @param place in an exact run; the chunks are given away then
   */
  add(chunks: readonly (Float32Array | undefined)[], { squaredNorm, place }: { squaredNorm?: number; place?: Place } = {}): void {
    if (place) {
      this.exact ??= new ExactReduction(this.moving, place.microbatches);
      return this.exact.add(place.block, chunks);
    }
    const { optimizer } = this;
    // The first contribution of a step becomes the sum, which saves clearing the vector.
    const put = this.summing
      ? (offset: number, values: Float32Array): void => optimizer.accumulate(offset, values)
      : (offset: number, values: Float32Array): void => optimizer.gradients.set(values, offset);
    this.squaredNorm = this.summing ? undefined : squaredNorm;
    this.summing = true;
    chunks.forEach((values, chunk) => values && this.moving.spread(chunk, values, put));
  }

  /** Forgets what was added up of the step under way. */
  startOver(): void {
    this.summing = false;
    this.squaredNorm = undefined;
    this.exact = undefined;
    // What is left in the vector is no step's gradient.
    this.samples = 0;
  }

  /**
   * Takes the optimizer step from the sum over `samples` samples.
   * @param version what workers need next, by the name that they know it by
   * @param send is called with the frame of each new chunk of that, in order
   */
  apply(
    { samples, learningRate, version }: { samples: number; learningRate: number; version: number },
    send: (frame: Uint8Array) => void,
  ): Reduction {
    this.summing = false;
    const { optimizer, moving } = this;
    this.exact?.takeInto(optimizer.gradients);
    this.exact = undefined;
    const { squaredNorm } = this;
    this.squaredNorm = undefined;
    const gradientNorm = Math.sqrt(
      squaredNorm === undefined ? optimizer.squaredGradientNorm({ samples }) : squaredNorm / samples ** 2,
    );
    if (!Number.isFinite(gradientNorm)) return { kind: "notFinite", what: "the gradient is not finite" };
    const step = this.version + 1;
    const scale = clipScale(this.clip, gradientNorm);
    let [squaredParameters, clippedValues] = [0, 0];
    for (let chunk = 0; chunk < moving.chunks.count; chunk++) {
      const sums = optimizer.step({ ...rangeOf(moving.places(chunk)), step, samples, learningRate, scale });
      squaredParameters += sums.squaredParameterNorm;
      clippedValues += sums.clippedValues;
      send(this.frame(version, chunk));
    }
    this.version = step;
    this.samples = samples;
    if (!Number.isFinite(squaredParameters)) return { kind: "notFinite", what: "the new parameters are not finite" };
    if (!this.clip) return { kind: "stepped", gradientNorm };
    return { kind: "stepped", gradientNorm, clipped: "norm" in this.clip ? 1 - scale : clippedValues / optimizer.trainedElements };
  }

  /** Every tensor with the gradient of the newest step; undefined where there is none, since the next one is being summed. */
  newestStep(): { readonly samples: number; readonly tensors: readonly ReducedTensor[] } | undefined {
    if (this.summing || this.samples === 0) return undefined;
    const { parameters, gradients } = this.optimizer;
    const tensors = this.slots.map(({ name, shape, offset, elements }) => ({
      name,
      shape,
      weights: parameters.subarray(offset, offset + elements),
      gradientSum: gradients.subarray(offset, offset + elements),
    }));
    return { samples: this.samples, tensors };
  }

  /** Whether a version that workers know by this name is here now. */
  has(version: number): boolean {
    return this.versions.stepOf(version) === this.version;
  }

  /** The frames of what no version changes: a worker needs them before the first version. */
  *frozenFrames(): Generator<Uint8Array> {
    const { frozen, optimizer } = this;
    for (let chunk = 0; chunk < frozen.chunks.count; chunk++) {
      yield encodeToWorker({ type: "frozenChunk", chunk, values: frozen.pick(optimizer.parameters, chunk) });
    }
  }

  /** The frames that bring a worker to a version that is here. */
  *frames(version: number): Generator<Uint8Array> {
    for (let chunk = 0; chunk < this.moving.chunks.count; chunk++) yield this.frame(version, chunk);
  }

  /** SHA-256 of the flat vector that comes of the run (the average, where it keeps one), float32 little-endian. */
  parametersSha256(): string {
    return createHash("sha256").update(this.vectorBytes()).digest("hex");
  }

  /** A copy of that vector, float32 little-endian. */
  parameterBytes(): Uint8Array {
    return this.vectorBytes().slice();
  }

  private vectorBytes(): Uint8Array {
    const { buffer, byteOffset, byteLength } = this.optimizer.result;
    return new Uint8Array(buffer, byteOffset, byteLength);
  }

  /** What comes of the run by name, the average where it keeps one: views, which the next step changes. */
  weights(): NamedTensor[] {
    return this.named(this.optimizer.result, (slot) => slot.name);
  }

  /** The optimizer's state, named "STATE/PARAMETER": views, which the next step changes. */
  optimizerState(): NamedTensor[] {
    return Object.entries(this.optimizer.stateVectors()).flatMap(([state, vector]) =>
      this.named(vector, (slot) => `${state}/${slot.name}`),
    );
  }

  private named(vector: Float32Array, name: (slot: ParameterSlot) => string): NamedTensor[] {
    return this.slots.map((slot) => ({
      name: name(slot),
      shape: slot.shape,
      data: vector.subarray(slot.offset, slot.offset + slot.elements),
    }));
  }

  /** Takes over what `optimizerState` gave, in a run that goes on. @throws TabgradError CHECKPOINT_INVALID where it does not fit */
  restoreOptimizer(tensors: readonly NamedTensor[]): void {
    const vectors: Record<string, Float32Array> = {};
    const offsets = new Map(this.slots.map(({ name, offset }) => [name, offset]));
    for (const { name, data } of tensors) {
      const slash = name.indexOf("/");
      const offset = offsets.get(name.slice(slash + 1));
      if (slash < 1 || offset === undefined) {
        throw new TabgradError(
          "CHECKPOINT_INVALID",
          `The optimizer state holds ${name}, which no parameter of the model is called`,
          "Resume from another checkpoint of the same run.",
        );
      }
      (vectors[name.slice(0, slash)] ??= new Float32Array(this.elements)).set(data, offset);
    }
    this.optimizer.restoreState(vectors);
  }

  private frame(version: number, chunk: number): Uint8Array {
    const { parameters, result } = this.optimizer;
    const values = this.moving.pick(this.versions.isAverage(version) ? result : parameters, chunk);
    return encodeToWorker({ type: "parametersChunk", version, chunk, values });
  }
}

/** From the first value to the last: what is frozen in between, a step passes over. */
function rangeOf(places: readonly Stretch[]): Stretch {
  const [{ offset }] = places;
  const last = places[places.length - 1];
  return { offset, count: last.offset + last.count - offset };
}
