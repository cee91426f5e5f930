// The samples that the model was asked about, the worst mistakes first.
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { ClassAssessment } from "./assess.ts";
import type { Opened } from "./messages.ts";
import { SampleTile } from "./sample-tile.tsx";
import { statisticsOf } from "./table.ts";
import { namingOf } from "./words.ts";
import type { Choice } from "./choice.ts";
import "./sample-grid.css";

export interface SampleGridProps {
  readonly opened: Opened;
  readonly assessment: ClassAssessment;
  readonly choice: Choice;
  /** Takes a sample to the pad. */
  readonly onPick?: (sample: number) => void;
}

/** Rows of tiles at first, and how many more each time. */
const rows = 5;

export function SampleGrid({ opened, assessment, choice, onPick }: SampleGridProps) {
  const screens = useSignal(1);
  const grid = useRef<HTMLUListElement>(null);
  const columns = useColumns(grid);
  const statistics = useMemo(() => (opened.image ? undefined : statisticsOf(opened.samples)), [opened]);
  const chosen = choice.of(assessment);
  const name = namingOf(opened.dataset.labels);
  const shown = screens.value * rows * columns.value;
  if (chosen.length === 0) return <p class="quiet sample-grid-none">{choice.noneWords(assessment, name)}</p>;
  return (
    <>
      <ul ref={grid} class={`sample-grid${opened.image ? "" : " wordy"}`} data-testid="sample-grid">
        {chosen.slice(0, shown).map((sample) => (
          <SampleTile key={sample} {...{ sample, opened, assessment, statistics, onPick }} />
        ))}
      </ul>
      {chosen.length > shown && (
        <button class="button sample-grid-more" type="button" onClick={() => screens.value++}>
          Show more <span class="faint number">{chosen.length - shown}</span>
        </button>
      )}
    </>
  );
}

/** How many columns css makes of the room there is; some before anybody knows. */
function useColumns(grid: { readonly current: HTMLElement | null }): ReadonlySignal<number> {
  const columns = useSignal(4);
  useEffect(() => {
    const element = grid.current;
    if (!element) return;
    const observer = new ResizeObserver(() => (columns.value = getComputedStyle(element).gridTemplateColumns.split(" ").length));
    observer.observe(element);
    return () => observer.disconnect();
  });
  return columns;
}
