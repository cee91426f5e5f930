// The page's side of the tab: the Worker, what it said, and what a person wants of it.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { EngineKind } from "@tabgrad/core";
import type { FromTab, ToTab } from "./messages.ts";
import { heard, newTab, type Tab } from "./page-state.ts";
import { wantedOf } from "./wanted.ts";

export class TabClient {
  readonly #tab = signal<Tab>(newTab);
  readonly #paused = signal(false);
  readonly #worker: Worker;
  #hidden = false;

  constructor() {
    this.#worker = new Worker(new URL("./tab-worker.ts", import.meta.url), { type: "module", name: "tabgrad" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromTab>) => this.#receive(data));
    this.#worker.addEventListener("error", (event) => this.#failed(event.message));
  }

  get tab(): ReadonlySignal<Tab> {
    return this.#tab;
  }

  /** Whether a person paused it. */
  get paused(): ReadonlySignal<boolean> {
    return this.#paused;
  }

  /** Runs the preflight. */
  look(): void {
    this.#tab.value = newTab;
    this.#post({ type: "look" });
  }

  join(engine: EngineKind, name: string): void {
    this.setPaused(false);
    this.#tab.value = { ...this.#tab.value, stage: { name: "opening", engine } };
    this.#post({ type: "join", engine, name });
  }

  setPaused(paused: boolean): void {
    this.#paused.value = paused;
    this.#declare();
  }

  setHidden(hidden: boolean): void {
    this.#hidden = hidden;
    this.#declare();
  }

  leave(reason: string): void {
    this.#post({ type: "leave", reason });
  }

  #declare(): void {
    this.#post({ type: "availability", wanted: wantedOf({ paused: this.#paused.value, hidden: this.#hidden }) });
  }

  #post(message: ToTab): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromTab): void {
    this.#tab.value = heard(this.#tab.value, message, Date.now());
  }

  /** A script that could not be loaded, or a defect. The Worker may be no more. */
  #failed(message: string): void {
    const failure = {
      message: message || "the tab's worker script could not be loaded",
      remedy: "Reload the page. If that does not help, use a recent browser.",
    };
    this.#receive({ type: "ended", end: { kind: "failed", failure } });
  }
}
