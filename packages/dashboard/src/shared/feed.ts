// The run as this page sees it, live: a socket to the coordinator, and signals that follow what it sends. Nothing else on a page holds
// state of the run.
import { batch, signal, type ReadonlySignal } from "@preact/signals";
import {
  follow,
  unpackView,
  watchPath,
  watchSubprotocol,
  type ControlCommand,
  type Links,
  type RunView,
  type TensorHistograms,
  type WatchRecord,
  type WatchRequest,
} from "@tabgrad/core";
import { pack, unpack } from "./records.ts";

/** `lost`: it was there, and is not any more; the page keeps trying, and shows what it knew. */
export type FeedState = "connecting" | "open" | "lost";

export interface Histograms {
  readonly step: number;
  readonly tensors: readonly TensorHistograms[];
}

/** What a control request came to. */
export interface Answer {
  readonly error?: { readonly message: string; readonly remedy: string };
}

const firstRetryMs = 500;
const longestRetryMs = 5_000;

export class Feed {
  readonly #state = signal<FeedState>("connecting");
  readonly #isOver = signal(false);
  readonly #view = signal<RunView | undefined>(undefined);
  readonly #links = signal<Links | undefined>(undefined);
  readonly #granted = signal(false);
  readonly #refusal = signal<string | undefined>(undefined);
  readonly #histograms = signal<Histograms | undefined>(undefined);
  readonly #token: string | undefined;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #socket: WebSocket | undefined;
  #requests = 0;
  #looking = false;
  #retryMs = firstRetryMs;
  /** The coordinator's clock minus ours, in milliseconds. */
  #clockOffset = 0;

  /** @param token what lets this page control the run, if it has it */
  constructor(token?: string) {
    this.#token = token;
  }

  get state(): ReadonlySignal<FeedState> {
    return this.#state;
  }

  /** Whether the run has ended, and its coordinator is gone with it. */
  get isOver(): ReadonlySignal<boolean> {
    return this.#isOver;
  }

  /** Undefined until the first snapshot. Another object after every change. */
  get view(): ReadonlySignal<RunView | undefined> {
    return this.#view;
  }

  get links(): ReadonlySignal<Links | undefined> {
    return this.#links;
  }

  /** Whether this page may control the run. */
  get granted(): ReadonlySignal<boolean> {
    return this.#granted;
  }

  /** Why this page may not control the run, as the coordinator says it. */
  get refusal(): ReadonlySignal<string | undefined> {
    return this.#refusal;
  }

  get histograms(): ReadonlySignal<Histograms | undefined> {
    return this.#histograms;
  }

  /** The coordinator's time now, in milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#clockOffset;
  }

  open(): void {
    const address = new URL(watchPath, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, watchSubprotocol);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      this.#send({ kind: "hello", ...(this.#token !== undefined && { token: this.#token }) });
      if (this.#looking) this.#send({ kind: "look", histograms: true });
    });
    socket.addEventListener("message", ({ data }) => this.#receive(unpack(data as ArrayBuffer)));
    socket.addEventListener("close", () => this.#closed());
  }

  /** Whether somebody is looking at the histograms. */
  look(histograms: boolean): void {
    if (this.#looking === histograms) return;
    this.#looking = histograms;
    this.#send({ kind: "look", histograms });
  }

  control(command: ControlCommand): Promise<Answer> {
    const id = ++this.#requests;
    if (this.#socket?.readyState !== WebSocket.OPEN) return Promise.resolve(notConnected);
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#send({ kind: "control", id, command });
    });
  }

  #send(request: WatchRequest): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(pack(request));
  }

  #receive(record: WatchRecord): void {
    switch (record.kind) {
      case "snapshot":
        this.#retryMs = firstRetryMs;
        this.#clockOffset = record.time - Date.now();
        return batch(() => {
          this.#state.value = "open";
          this.#view.value = unpackView(record.view);
          this.#links.value = record.links;
        });
      case "events":
        if (this.#view.value === undefined) return;
        this.#view.value = record.events.reduce((view, [time, event]) => follow(view, time, event), this.#view.value);
        return;
      case "control":
        return batch(() => {
          this.#granted.value = record.granted;
          this.#refusal.value = record.granted ? undefined : record.why;
        });
      case "histograms":
        this.#histograms.value = { step: record.step, tensors: record.tensors };
        return;
      case "answer":
        this.#answers.get(record.id)?.({ error: record.error });
        this.#answers.delete(record.id);
        return;
      default:
        record satisfies never;
    }
  }

  /** A run that is over says so before its coordinator goes; then there is nothing to try again for. */
  #closed(): void {
    for (const answer of this.#answers.values()) answer(notConnected);
    this.#answers.clear();
    if (this.#view.value?.done) {
      this.#isOver.value = true;
      return;
    }
    batch(() => {
      if (this.#view.value) this.#state.value = "lost";
      this.#granted.value = false;
    });
    setTimeout(() => this.open(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, longestRetryMs);
  }
}

const notConnected: Answer = {
  error: { message: "The coordinator is not connected.", remedy: "Wait until it is back; the page keeps trying." },
};
