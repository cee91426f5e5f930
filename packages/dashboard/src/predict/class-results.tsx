// How the model does at telling classes apart: how many it gets right, the samples, what is taken for what.
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { count, percent } from "../shared/format.ts";
import type { ClassAssessment } from "./assess.ts";
import { Choice } from "./choice.ts";
import { Confusion } from "./confusion.tsx";
import type { Opened } from "./messages.ts";
import { SampleGrid } from "./sample-grid.tsx";
import { namingOf } from "./words.ts";

export interface ClassResultsProps {
  readonly opened: Opened;
  readonly assessment: ClassAssessment;
  readonly onPick?: (sample: number) => void;
  /** The pad, where there is one. */
  readonly children: ComponentChildren;
}

export function ClassResults({ opened, assessment, onPick, children }: ClassResultsProps) {
  const choice = useMemo(() => new Choice(), [opened]);
  const { labels } = opened.dataset;
  const name = namingOf(labels);
  const classes = labels.kind === "classes" ? Math.max(2, labels.count) : 2;
  return (
    <div class={`predictions-body${children ? "" : " padless"}`}>
      <div class="predictions-samples">
        <Summary {...{ opened, assessment, choice }} />
        <SampleGrid {...{ opened, assessment, choice, onPick }} />
      </div>
      {children}
      <Confusion {...{ assessment, classes, name, choice }} />
    </div>
  );
}

function Summary({ opened, assessment, choice }: Omit<ClassResultsProps, "onPick" | "children"> & { readonly choice: Choice }) {
  const name = namingOf(opened.dataset.labels);
  const mistakes = assessment.count - assessment.right;
  const { cell } = choice;
  return (
    <div class="predictions-summary">
      <p>
        <b class="predictions-accuracy number" data-testid="predictions-accuracy">
          {percent(assessment.right / assessment.count, 1)}
        </b>{" "}
        <span class="quiet">
          right of {assessment.count < opened.heldOut ? `the first ${count(assessment.count)}` : count(assessment.count)} held-out
          samples
        </span>
      </p>
      <div class="predictions-filter" role="group" aria-label="Which samples">
        {cell && (
          <button type="button" class="button" aria-label="Show samples of all cells" onClick={() => choice.clearCell()}>
            {name(cell.truth)} → {name(cell.predicted)} <span aria-hidden>✕</span>
          </button>
        )}
        <button type="button" class="button" aria-pressed={!cell && !choice.mistakesOnly} onClick={() => choice.show("all")}>
          Worst first
        </button>
        <button type="button" class="button" aria-pressed={!cell && choice.mistakesOnly} onClick={() => choice.show("mistakes")}>
          Mistakes only <span class="number faint">{count(mistakes)}</span>
        </button>
      </div>
    </div>
  );
}
