// What is taken for what: a heat map of true against predicted classes; for many classes, the pairs that are confused most.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { cellAfterKey } from "../shared/cell-after-key.ts";
import { count as formatCount } from "../shared/format.ts";
import { tint } from "../shared/tint.ts";
import type { ClassAssessment } from "./assess.ts";
import type { Choice } from "./choice.ts";
import { confusedPairs, matrixOf, mostClasses, type MatrixCell } from "./matrix.ts";
import type { Naming } from "./words.ts";
import "./confusion.css";

export interface ConfusionProps {
  readonly assessment: ClassAssessment;
  readonly classes: number;
  readonly name: Naming;
  readonly choice: Choice;
}

/** With more classes, counts have no room in the cells. */
const mostCounted = 12;
const pairsListed = 16;

export function Confusion(props: ConfusionProps) {
  return (
    <section class="confusion" data-testid="confusion" aria-labelledby="confusion-title">
      <h3 id="confusion-title">What is taken for what</h3>
      {props.classes <= mostClasses ? <Matrix {...props} /> : <Pairs {...props} />}
    </section>
  );
}

function Matrix({ assessment, classes, name, choice }: ConfusionProps) {
  const focused = useSignal({ truth: 0, predicted: 0 });
  const table = useRef<HTMLTableElement>(null);
  const move = (event: KeyboardEvent): void => {
    const next = cellAfterKey(event.key, focused.value, classes);
    if (!next) return;
    event.preventDefault();
    focused.value = next;
    table.current?.querySelector<HTMLElement>(`[data-cell="${next.truth}-${next.predicted}"]`)?.focus();
  };
  const indices = Array.from({ length: classes }, (_, i) => i);
  return (
    <figure class="confusion-figure">
      <table ref={table} role="grid" aria-label="Confusion matrix: rows are true classes, columns predicted ones" onKeyDown={move}>
        <thead>
          <tr>
            <td />
            {indices.map((i) => (
              <th key={i} scope="col" title={name(i)}>
                {shortened(name(i), classes)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {matrixOf(assessment, classes).map((row, truth) => (
            <tr key={truth}>
              <th scope="row" title={name(truth)}>
                {shortened(name(truth), classes)}
              </th>
              {row.map((cell) => (
                <Square
                  key={cell.predicted}
                  {...{ cell, name, choice }}
                  counted={classes <= mostCounted}
                  reachable={focused.value.truth === truth && focused.value.predicted === cell.predicted}
                  onFocus={() => (focused.value = { truth, predicted: cell.predicted })}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <figcaption class="faint small">Rows are true, columns predicted. Choose a cell to see its samples.</figcaption>
    </figure>
  );
}

interface SquareProps extends Pick<ConfusionProps, "name" | "choice"> {
  readonly cell: MatrixCell;
  readonly counted: boolean;
  readonly reachable: boolean;
  readonly onFocus: () => void;
}

function Square({ cell, name, choice, counted, reachable, onFocus }: SquareProps) {
  const { truth, predicted, count, share } = cell;
  const words = `true ${name(truth)}, predicted ${name(predicted)}: ${count}`;
  return (
    <td role="gridcell" aria-selected={choice.isChosen(cell)}>
      <button
        type="button"
        class={truth === predicted ? "right" : "wrong"}
        style={{ "--share": `${tint(share)}%` }}
        tabIndex={reachable ? 0 : -1}
        aria-label={words}
        title={words}
        data-testid="confusion-cell"
        data-cell={`${truth}-${predicted}`}
        data-count={count}
        onFocus={onFocus}
        onClick={() => choice.toggle(cell)}
      >
        {counted && count > 0 ? count : ""}
      </button>
    </td>
  );
}

function Pairs({ assessment, name, choice }: ConfusionProps) {
  const pairs = confusedPairs(assessment, pairsListed);
  if (pairs.length === 0) return <p class="quiet">Nothing, among these samples.</p>;
  return (
    <ol class="confusion-pairs">
      {pairs.map((pair) => (
        <li key={`${pair.truth} ${pair.predicted}`}>
          <button
            type="button"
            aria-pressed={choice.isChosen(pair)}
            aria-label={`true ${name(pair.truth)}, predicted ${name(pair.predicted)}: ${pair.count}`}
            data-testid="confusion-cell"
            data-cell={`${pair.truth}-${pair.predicted}`}
            data-count={pair.count}
            onClick={() => choice.toggle(pair)}
          >
            <span>{name(pair.truth)}</span>
            <span class="faint">taken for</span>
            <b>{name(pair.predicted)}</b>
            <span class="number">{formatCount(pair.count)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** Long names have no room above a column. */
const shortened = (name: string, classes: number): string => {
  const room = classes <= 4 ? 10 : classes <= 10 ? 3 : 2;
  return name.length <= room ? name : name.slice(0, room);
};
