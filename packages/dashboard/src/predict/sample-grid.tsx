// The samples that the model was asked about, the worst mistakes first.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
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

/** Tiles at first, and how many more each time. */
const tiles = 36;

export function SampleGrid({ opened, assessment, choice, onPick }: SampleGridProps) {
  const shown = useSignal(tiles);
  const statistics = useMemo(() => (opened.image ? undefined : statisticsOf(opened.samples)), [opened]);
  const chosen = choice.of(assessment);
  const name = namingOf(opened.dataset.labels);
  if (chosen.length === 0) return <p class="quiet sample-grid-none">{choice.noneWords(assessment, name)}</p>;
  return (
    <>
      <ul class={`sample-grid${opened.image ? "" : " wordy"}`} data-testid="sample-grid">
        {chosen.slice(0, shown.value).map((sample) => (
          <SampleTile key={sample} {...{ sample, opened, assessment, statistics, onPick }} />
        ))}
      </ul>
      {chosen.length > shown.value && (
        <button class="button sample-grid-more" type="button" onClick={() => (shown.value += tiles)}>
          Show more <span class="faint number">{chosen.length - shown.value}</span>
        </button>
      )}
    </>
  );
}
