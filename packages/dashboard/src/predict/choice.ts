// Which samples the grid shows: mistakes or all, perhaps of one cell of the confusion matrix only.
import { signal } from "@preact/signals";
import type { ClassAssessment } from "./assess.ts";
import type { Naming } from "./words.ts";

export interface Cell {
  readonly truth: number;
  readonly predicted: number;
}

export class Choice {
  readonly #mistakesOnly = signal(false);
  readonly #cell = signal<Cell | undefined>(undefined);

  get mistakesOnly(): boolean {
    return this.#mistakesOnly.value;
  }

  get cell(): Cell | undefined {
    return this.#cell.value;
  }

  show(which: "mistakes" | "all"): void {
    this.#mistakesOnly.value = which === "mistakes";
    this.#cell.value = undefined;
  }

  /** The same cell again: no cell. */
  toggle(cell: Cell): void {
    this.#cell.value = this.isChosen(cell) ? undefined : cell;
  }

  clearCell(): void {
    this.#cell.value = undefined;
  }

  isChosen({ truth, predicted }: Cell): boolean {
    const cell = this.#cell.value;
    return cell?.truth === truth && cell.predicted === predicted;
  }

  /** The samples, in the assessment's order. */
  of({ order, truth, predicted }: ClassAssessment): readonly number[] {
    const cell = this.cell;
    if (cell) return order.filter((sample) => truth[sample] === cell.truth && predicted[sample] === cell.predicted);
    return this.mistakesOnly ? order.filter((sample) => truth[sample] !== predicted[sample]) : order;
  }

  /** What to say where there are none. */
  noneWords({ count }: ClassAssessment, name: Naming): string {
    const cell = this.cell;
    if (cell) return `None of these ${count} samples is a ${name(cell.truth)} that is taken for ${name(cell.predicted)}.`;
    return `No mistake among these ${count} samples.`;
  }
}
