// The page's end of the predictions' Worker: signals that follow what it says.
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Assessment } from "./assess.ts";
import type { FromPredictor, Opened, Question, Reply, ToPredictor } from "./messages.ts";

export interface Assessed {
  readonly version: number;
  readonly assessment: Assessment;
  readonly milliseconds: number;
}

export class PredictClient {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "predictions" });
  readonly #opened = signal<Opened | undefined>(undefined);
  readonly #version = signal<number | undefined>(undefined);
  readonly #assessed = signal<Assessed | undefined>(undefined);
  readonly #reply = signal<Reply | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);

  constructor() {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromPredictor>) => this.#receive(data));
    this.#worker.addEventListener("error", ({ message }) => (this.#problem.value = message || "The page's worker failed."));
  }

  /** Undefined until the model and its samples are there. */
  get opened(): ReadonlySignal<Opened | undefined> {
    return this.#opened;
  }

  /** Steps behind the parameters that are held. */
  get version(): ReadonlySignal<number | undefined> {
    return this.#version;
  }

  get assessed(): ReadonlySignal<Assessed | undefined> {
    return this.#assessed;
  }

  /** To the newest question that is answered. */
  get reply(): ReadonlySignal<Reply | undefined> {
    return this.#reply;
  }

  /** What could not be done last; undefined since something could. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  follow(state: Omit<Extract<ToPredictor, { kind: "follow" }>, "kind">): void {
    this.#send({ kind: "follow", ...state });
  }

  ask(question: Question): void {
    this.#send({ kind: "ask", question });
  }

  forgetReply(): void {
    this.#reply.value = undefined;
  }

  close(): void {
    this.#worker.terminate();
  }

  #send(message: ToPredictor): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromPredictor): void {
    switch (message.kind) {
      case "opened":
        this.#opened.value = message.opened;
        return;
      case "parameters":
        this.#version.value = message.version;
        this.#problem.value = undefined;
        return;
      case "assessed":
        this.#assessed.value = message;
        return;
      case "reply":
        this.#reply.value = message.reply;
        return;
      case "problem":
        this.#problem.value = message.message;
        return;
      default:
        message satisfies never;
    }
  }
}
