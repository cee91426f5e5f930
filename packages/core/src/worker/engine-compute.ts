// Computing in this thread: shards become batches, and an engine's program runs them.
import { BatchPool } from "../data/batch.ts";
import type { Microbatch } from "../data/microbatch.ts";
import { type ShardView, viewShard } from "../data/shard.ts";
import type { Batch, Engine, EngineKind, Program, Sums } from "../engine/engine.ts";
import { TabgradError } from "../errors.ts";
import { type Graph, graphInputs, metricNames, parameterSlots, sampleSums } from "../graph/graph.ts";
import { graphFromJson } from "../graph/json.ts";
import { hasLoss, keysInput, weightsInput } from "../graph/training.ts";
import { bounds } from "../protocol/bounds.ts";
import { violation } from "../protocol/check.ts";
import { trainedStretches } from "../protocol/packed-layout.ts";
import type { Compute, ComputeRequest, ComputeResult, ComputeSetup } from "./compute.ts";
import { ExactTraining, sumExactly, type ExactUse } from "./exact-training.ts";
import { ReplaceableEngine } from "./replaceable-engine.ts";

/** The most rows of one batch. A CPU gains nothing from more; a GPU wants many, and memory limits it. */
const defaultMaxRows: Readonly<Record<EngineKind, number>> = { cpu: 256, gpu: 1024 };

interface LoadedRun {
  readonly setup: ComputeSetup;
  readonly program: Program;
  /** Of an exact run. */
  readonly exact: ExactTraining | undefined;
  readonly pool: BatchPool;
  readonly shards: Map<number, ShardView>;
  /** What the program reads. */
  parameters: Float32Array<ArrayBuffer> | undefined;
  /** The newest buffer for gradients: a program knows an array that it has seen before. */
  gradients: Float32Array<ArrayBuffer> | undefined;
}

/** The same array for the same buffer. */
const arrayOf = (buffer: ArrayBuffer, before: Float32Array<ArrayBuffer> | undefined): Float32Array<ArrayBuffer> =>
  before?.buffer === buffer ? before : new Float32Array(buffer);

export interface EngineComputeOptions {
  /** The most rows of one batch. Default: what suits the kind of engine. */
  readonly maxRows?: number;
  /**
   * Opens another engine in place of one that failed, such as a GPU whose driver was reset. Called at the next `load`. Without it, the
   * engine that is there has to do.
   */
  readonly reopen?: () => Promise<Engine>;
}

/** `Compute` on an engine, which is closed with it. */
export class EngineCompute implements Compute {
  readonly #engine: ReplaceableEngine;
  readonly #maxRows: number | undefined;
  #run: LoadedRun | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(engine: Engine, { maxRows, reopen }: EngineComputeOptions = {}) {
    this.#engine = new ReplaceableEngine(engine, reopen);
    this.#maxRows = maxRows;
  }

  load(setup: ComputeSetup): Promise<void> {
    return this.#inOrder(async () => {
      await this.#unload();
      const graph = graphFromJson(setup.graph);
      checkGraph(graph, setup);
      const engine = await this.#engine.sound();
      const program = await this.#engine.watch(() =>
        engine.compile(graph, { reproducible: setup.exact, precision: setup.precision }),
      );
      if (program.parameterElements !== setup.parameterElements) {
        await program.close();
        throw violation(`Welcome.parameter_elements is ${setup.parameterElements}; its graph has ${program.parameterElements}`);
      }
      const maxRows = this.#maxRows ?? defaultMaxRows[engine.kind];
      const hasKeys = graphInputs(graph).some(({ name }) => name === keysInput);
      const pool = new BatchPool(setup.fields, { ...setup, maxRows, hasKeys });
      const exact = setup.exact ? new ExactTraining(program, trainedStretches(parameterSlots(graph))) : undefined;
      this.#run = { setup, program, exact, pool, shards: new Map(), parameters: undefined, gradients: undefined };
    });
  }

  putShard(shard: number, bytes: ArrayBuffer): Promise<void> {
    return this.#inOrder(() => {
      const { setup, shards } = this.#loaded();
      shards.set(shard, viewShard(setup.fields, setup.shards[shard].samples, new Uint8Array(bytes)));
    });
  }

  dropShard(shard: number): Promise<void> {
    return this.#inOrder(() => {
      this.#run?.shards.delete(shard);
    });
  }

  setParameters(parameters: ArrayBuffer): Promise<ArrayBuffer | undefined> {
    return this.#inOrder(async () => {
      const run = this.#loaded();
      const before = run.parameters;
      run.parameters = arrayOf(parameters, before);
      const values = run.parameters;
      await this.#engine.watch(() => run.program.setParameters(values));
      return run.parameters === before ? undefined : before?.buffer;
    });
  }

  run({ purpose, step, microbatches, gradients, lossScale }: ComputeRequest): Promise<ComputeResult> {
    return this.#inOrder(async () => {
      const run = this.#loaded();
      if ((purpose === "train") !== (gradients !== undefined))
        throw new Error("a gradient buffer belongs to training, and only to it");
      const began = performance.now();
      if (gradients) run.gradients = arrayOf(gradients, run.gradients);
      const sums = await (gradients
        ? this.#train(run, { step, microbatches, lossScale }, run.gradients!)
        : this.#evaluate(run, microbatches));
      return { sums, gradients, computeMs: performance.now() - began };
    });
  }

  #train(
    run: LoadedRun,
    { step, microbatches, lossScale }: Pick<ComputeRequest, "step" | "microbatches" | "lossScale">,
    gradients: Float32Array<ArrayBuffer>,
  ): Promise<Sums> {
    const { program, exact } = run;
    if (!exact) return this.#withBatches(run, microbatches, (batches) => program.train(batches, gradients, { lossScale }), step);
    // One microbatch is one batch, of as many rows as any other.
    const use: ExactUse = (one, train) => this.#withBatches(run, [one], ([batch]) => train(batch), step);
    return exact.train(microbatches, use, gradients, { lossScale });
  }

  #evaluate(run: LoadedRun, microbatches: readonly Microbatch[]): Promise<Sums> {
    const evaluate = (some: readonly Microbatch[]) => this.#withBatches(run, some, (batches) => run.program.evaluate(batches));
    return run.exact ? sumExactly(microbatches, (one) => evaluate([one])) : evaluate(microbatches);
  }

  async #withBatches(
    { pool, shards }: LoadedRun,
    microbatches: readonly Microbatch[],
    use: (batches: readonly Batch[]) => Promise<Sums>,
    step?: number,
  ): Promise<Sums> {
    const lookup = (shard: number): ShardView => {
      const view = shards.get(shard);
      if (!view) throw new Error(`shard ${shard} is not there`);
      return view;
    };
    const batches = pool.assemble(microbatches, lookup, step);
    try {
      return await this.#engine.watch(() => use(batches));
    } finally {
      pool.release(batches);
    }
  }

  close(): Promise<void> {
    return this.#inOrder(async () => {
      await this.#unload();
      await this.#engine.close();
    });
  }

  /** An engine's calls must not overlap. */
  #inOrder<Result>(task: () => Result | Promise<Result>): Promise<Result> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }

  #loaded(): LoadedRun {
    if (!this.#run) throw new Error("no run is loaded");
    return this.#run;
  }

  async #unload(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    // What a failed engine says of its programs is of no interest.
    await run?.program.close().catch((error: unknown) => {
      if (!this.#engine.isSuspect) throw error;
    });
  }
}

/** That the graph asks for nothing but what the run's fields feed, and gives what the run's metrics say. */
function checkGraph(graph: Graph, { fields, metrics }: ComputeSetup): void {
  const missing = graphInputs(graph).find(
    ({ name }) => name !== keysInput && name !== weightsInput && !fields.some((field) => field.name === name),
  );
  if (missing) {
    throw new TabgradError(
      "GRAPH_INVALID",
      `the graph has an input "${missing.name}", but the dataset has only ${fields.map(({ name }) => `"${name}"`).join(", ")}`,
      "Name the inputs of the graph after the fields of the dataset.",
    );
  }
  const names = metricNames(graph);
  if (names.length !== metrics.length || names.some((name, i) => name !== metrics[i])) {
    throw violation(`Welcome.metrics is [${metrics.join(", ")}]; its graph has [${names.join(", ")}]`);
  }
  if (!hasLoss(graph)) return;
  const sums = sampleSums(graph).reduce((total, { elements }) => total + elements, -1);
  if (sums > bounds.metricSums) throw violation(`the metrics of the graph have ${sums} sums; at most ${bounds.metricSums} can be`);
}
