// One sample: its picture or its most telling columns, what it is, and what the model takes it for.
import { useMemo } from "preact/hooks";
import type { ClassAssessment } from "./assess.ts";
import type { Opened } from "./messages.ts";
import { featuresOf } from "./samples.ts";
import { traitsOf, type ColumnStatistics } from "./table.ts";
import { Traits } from "./traits.tsx";
import { ValueCanvas } from "./value-canvas.tsx";
import { namingOf, score, verdict } from "./words.ts";

export interface SampleTileProps {
  readonly sample: number;
  readonly opened: Opened;
  readonly assessment: ClassAssessment;
  /** For samples that are no pictures. */
  readonly statistics?: ColumnStatistics;
  readonly onPick?: (sample: number) => void;
}

export function SampleTile({ sample, opened, assessment, statistics, onPick }: SampleTileProps) {
  const name = namingOf(opened.dataset.labels);
  const [truth, predicted] = [assessment.truth[sample], assessment.predicted[sample]];
  const certainty = score(assessment.score[sample], opened.reading);
  const right = truth === predicted;
  const words = `Sample ${sample + 1}: ${verdict(name(truth), name(predicted))}, ${certainty}`;
  const content = (
    <>
      <Look {...{ sample, opened, statistics }} />
      <span class="sample-tile-said" aria-hidden>
        <b class={right ? "right" : "wrong"}>{name(predicted)}</b>
        <span class="number faint">{certainty}</span>
      </span>
      {!right && (
        <span class="sample-tile-truth" aria-hidden>
          is {name(truth)}
        </span>
      )}
    </>
  );
  return (
    <li class="sample-tile" data-testid="prediction-sample" data-sample={sample} data-true={truth} data-predicted={predicted}>
      {onPick ? (
        <button type="button" aria-label={`${words}. Take it to the pad.`} onClick={() => onPick(sample)}>
          {content}
        </button>
      ) : (
        <div>
          {content}
          <span class="spoken">{words}</span>
        </div>
      )}
    </li>
  );
}

function Look({ sample, opened, statistics }: Pick<SampleTileProps, "sample" | "opened" | "statistics">) {
  const values = useMemo(() => featuresOf(opened.samples, sample), [opened, sample]);
  if (opened.image) return <ValueCanvas values={values} image={opened.image} range={opened.range} />;
  return statistics ? <Traits traits={traitsOf(opened.samples, sample, opened.dataset.features, statistics, 4)} /> : null;
}
