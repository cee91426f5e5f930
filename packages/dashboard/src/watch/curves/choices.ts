// What a person chose for all curves, and where they point.
import { computed, signal, type ReadonlySignal } from "@preact/signals";
import type { RunView } from "@tabgrad/core";
import { fullRange, origin, type Against, type Range } from "./axis.ts";
import { smoothed, suitableSmoothing } from "./smoothing.ts";

export class Choices {
  readonly against = signal<Against>("step");
  /** Undefined: everything, and what comes. */
  readonly zoom = signal<Range | undefined>(undefined);
  /** Where a pointer or the keyboard is, in the unit of the axis. */
  readonly cursor = signal<number | undefined>(undefined);
  /** Undefined: what suits the run's length. */
  readonly chosenSmoothing = signal<number | undefined>(undefined);
  readonly smoothing: ReadonlySignal<number>;
  readonly range: ReadonlySignal<Range>;
  /** The smoothed loss of the whole series: the curve, and the headline. */
  readonly loss: ReadonlySignal<Float32Array>;

  constructor(view: ReadonlySignal<RunView | undefined>) {
    this.smoothing = computed(() => this.chosenSmoothing.value ?? suitableSmoothing(seconds(view.value)));
    this.range = computed(() => this.zoom.value ?? fullRange(view.value, this.against.value));
    this.loss = computed(() => {
      const series = view.value?.series;
      if (!series) return new Float32Array(0);
      return smoothed(series.time.subarray(0, series.length), series.loss.subarray(0, series.length), this.smoothing.value);
    });
  }

  compareBy(against: Against): void {
    this.against.value = against;
    this.zoom.value = undefined;
    this.cursor.value = undefined;
  }
}

const seconds = (view: RunView | undefined): number => (view?.newest ? (view.newest.time - origin(view)) / 1000 : 0);
