// The predictions' own life, in a Worker: fetch the model once and its parameters again and again, ask it about the samples in small
// slices, and answer whoever draws in between. One loop, so that the predictor's calls never overlap.
import {
  classScores,
  elementCount,
  featuresField,
  graphFromJson,
  labelShape,
  readOutput,
  readingOf,
  parameterElements,
  type Graph,
  type Reading,
  type RunDocument,
} from "@tabgrad/core";
import { assess } from "./assess.ts";
import { firstSamples, isOverdue, rowsOfSlice, samplesToAssess } from "./budget.ts";
import { imageShapeOf, rangeOf } from "./image.ts";
import type { FromPredictor, Opened, Question, ToPredictor } from "./messages.ts";
import { conventionOf, imageOfDrawing, type Convention } from "./pad-image.ts";
import { predictionGraphOf, type Predictor } from "./predictor.ts";
import { decideRefresh, initialRefresh, type RefreshState } from "./refresh.ts";
import { featuresOf, sampleBounds } from "./samples.ts";
import { fetchDocument, fetchParameters, fetchSamples, type Fetch, type Parameters } from "./source.ts";

export interface PredictHost {
  readonly fetch: Fetch;
  readonly post: (message: FromPredictor) => void;
  readonly createPredictor: (graph: Graph) => Promise<Predictor>;
  /** Milliseconds. */
  readonly now: () => number;
  /** Calls back once, later; returns how to call it off. */
  readonly after: (milliseconds: number, then: () => void) => () => void;
  /** Lets messages in. */
  readonly breathe: () => Promise<void>;
}

interface Model {
  readonly opened: Opened;
  readonly predictor: Predictor;
  readonly elements: number;
  readonly convention?: Convention;
}

/** A way through the samples with one version of the parameters. */
interface Pass {
  readonly version: number;
  readonly outputs: Float32Array[];
  done: number;
  target: number;
  milliseconds: number;
}

export class PredictSession {
  readonly #host: PredictHost;
  #refresh: RefreshState = initialRefresh;
  #model: Model | undefined;
  #arrived: Parameters | undefined;
  #question: Question | undefined;
  #pass: Pass | undefined;
  #version: number | undefined;
  #samplesBefore = firstSamples;
  #millisecondsPerSample = 1;
  #warm = false;
  #running = false;
  #callOff: () => void = () => {};

  constructor(host: PredictHost) {
    this.#host = host;
  }

  receive(message: ToPredictor): void {
    switch (message.kind) {
      case "follow": {
        const { visible, reachable, runStep, over } = message;
        this.#refresh = { ...this.#refresh, visible, reachable, runStep, over };
        break;
      }
      case "ask":
        this.#question = message.question;
        break;
      default:
        return message satisfies never;
    }
    this.#wake();
  }

  #wake(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => (this.#running = false));
  }

  async #run(): Promise<void> {
    this.#look();
    try {
      while (await this.#work()) {
        await this.#host.breathe();
        this.#look();
      }
    } catch (error) {
      this.#pass = undefined;
      this.#tell(error);
    }
  }

  /** Asks for newer parameters if it is time; does not wait for them. */
  #look(): void {
    this.#callOff();
    const decision = decideRefresh(this.#refresh, this.#host.now());
    if (decision.kind === "wait") this.#callOff = this.#host.after(decision.milliseconds, () => this.#wake());
    if (decision.kind !== "ask") return;
    const { over } = this.#refresh;
    this.#refresh = { ...this.#refresh, asking: true, askedAt: this.#host.now(), askedForLast: over };
    void this.#ask()
      .catch((error: unknown) => this.#tell(error))
      .then(() => {
        this.#refresh = { ...this.#refresh, asking: false };
        // The loop may be about to end without having seen what came.
        return this.#running ? this.#host.breathe() : undefined;
      })
      .then(() => this.#wake());
  }

  async #ask(): Promise<void> {
    this.#model ??= await this.#open();
    const parameters = await fetchParameters(this.#host.fetch, this.#model.elements);
    const news = parameters.version !== this.#refresh.version;
    this.#refresh = { ...this.#refresh, version: parameters.version };
    if (news) this.#arrived = parameters;
  }

  async #open(): Promise<Model> {
    const document = await fetchDocument(this.#host.fetch);
    const graph = graphFromJson(document.graph);
    const { labels } = document.dataset;
    const classesOfSample = labels.kind === "classes" ? elementCount(labelShape(labels)) : 1;
    const samples = await fetchSamples(this.#host.fetch, document, classesOfSample === 1 ? sampleBounds.samples : 0);
    const predictor = await this.#host.createPredictor(predictionGraphOf(graph));
    const range = rangeOf(samples.features);
    const convention = classesOfSample === 1 ? conventionFor(document, samples.features, range) : undefined;
    const opened: Opened = {
      dataset: { features: document.dataset.features, labels },
      classesOfSample,
      reading: readingOf(graph),
      heldOut: document.dataset.evaluation.samples,
      samples,
      image: imageShapeOf(document.dataset),
      range,
      pad: convention && { centred: convention.centre !== undefined, light: convention.paper > convention.ink },
      device: predictor.device,
    };
    this.#host.post({ kind: "opened", opened });
    return { opened, predictor, elements: parameterElements(graph), convention };
  }

  /** One piece of work; false if there is none. A person who draws comes first, then what is begun. */
  async #work(): Promise<boolean> {
    const model = this.#model;
    if (!model) return false;
    if (this.#arrived && !this.#pass) {
      await this.#take(model, this.#arrived);
      return true;
    }
    if (this.#question && this.#version !== undefined) {
      const question = this.#question;
      this.#question = undefined;
      await this.#answer(model, question, this.#version);
      return true;
    }
    if (!this.#pass) return false;
    // Nobody looks: what was begun goes on when somebody does.
    if (!this.#refresh.visible) return false;
    await this.#slice(model, this.#pass);
    return true;
  }

  async #take({ predictor, opened }: Model, { version, values }: Parameters): Promise<void> {
    this.#arrived = undefined;
    await predictor.setParameters(values);
    this.#version = version;
    this.#host.post({ kind: "parameters", version });
    const target = Math.min(this.#samplesBefore, opened.samples.count);
    if (target > 0) this.#pass = { version, outputs: [], done: 0, target, milliseconds: 0 };
  }

  async #slice(model: Model, pass: Pass): Promise<void> {
    const { samples } = model.opened;
    const most = model.predictor.rowsOfCall ?? rowsOfSlice(this.#millisecondsPerSample);
    const rows = Math.min(most, pass.target - pass.done);
    const from = pass.done * samples.featureElements;
    const features = Float32Array.from(samples.features.subarray(from, from + rows * samples.featureElements));
    const began = this.#host.now();
    pass.outputs.push(await model.predictor.predict(features, rows));
    const took = this.#host.now() - began;
    pass.done += rows;
    this.#learn(pass, took, rows);
    if (pass.done >= pass.target || isOverdue(pass.done, pass.milliseconds)) this.#finish(model, pass);
  }

  /** The very first call is left out, for it compiles. A machine is sometimes busy: the newest call counts for a third. */
  #learn(pass: Pass, milliseconds: number, rows: number): void {
    if (this.#warm) {
      pass.milliseconds += milliseconds;
      this.#millisecondsPerSample += (milliseconds / rows - this.#millisecondsPerSample) / 3;
    }
    this.#warm = true;
  }

  /** Shows what is there; goes on with more samples where there is time for more. */
  #finish({ opened }: Model, pass: Pass): void {
    const outputs = joined(pass.outputs);
    const { labels, count } = opened.samples;
    const labelKind = opened.dataset.labels.kind;
    const what = { labelKind, reading: opened.reading, count: pass.done, outputs, outputWidth: outputs.length / pass.done, labels };
    this.#host.post({ kind: "assessed", version: pass.version, assessment: assess(what), milliseconds: pass.milliseconds });
    const pace = {
      millisecondsPerSample: this.#millisecondsPerSample,
      available: count,
      before: this.#samplesBefore,
    };
    this.#samplesBefore = samplesToAssess(pace);
    if (this.#samplesBefore > pass.done && !this.#arrived) {
      pass.outputs.splice(0, Infinity, outputs);
      pass.target = this.#samplesBefore;
    } else this.#pass = undefined;
  }

  async #answer({ opened, predictor, convention }: Model, question: Question, version: number): Promise<void> {
    const seen = shownOf(question, opened, convention);
    if (!seen) return;
    const output = await predictor.predict(seen, 1);
    const scores = scoresOf(output, opened.dataset.labels.kind, opened.reading);
    this.#host.post({ kind: "reply", reply: { question: question.kind, version, scores, seen } });
  }

  #tell(error: unknown): void {
    this.#host.post({ kind: "problem", message: error instanceof Error ? error.message : String(error) });
  }
}

function conventionFor(
  { dataset }: RunDocument,
  values: Opened["samples"]["features"],
  range: Opened["range"],
): Convention | undefined {
  const shape = imageShapeOf(dataset);
  if (shape?.channels !== 1) return undefined;
  // Without samples, only of bytes it is known what is black and what is white.
  if (values.length === 0 && !(values instanceof Uint8Array)) return undefined;
  const whole = dataset.fields.find(({ name }) => name === featuresField)?.storage !== "float32";
  return conventionOf(values, shape, range, whole);
}

function shownOf(question: Question, { samples, image }: Opened, convention: Convention | undefined): Float32Array | undefined {
  switch (question.kind) {
    case "sample":
      return Float32Array.from(featuresOf(samples, question.sample));
    case "drawing":
      return image && convention && imageOfDrawing(question.drawing, image, convention);
    default:
      return question satisfies never;
  }
}

const scoresOf = (output: Float32Array, kind: "classes" | "values", reading: Reading): Float64Array =>
  kind === "classes" ? classScores(output, reading) : readOutput(output, reading);

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
