// What is taken for what in the newest evaluation: a heat map of counts, with row percentages, and how each class fares.
import { useSignal, type Signal } from "@preact/signals";
import { classRecords } from "@tabgrad/core";
import { useMemo, useRef } from "preact/hooks";
import { cellAfterKey } from "../../shared/cell-after-key.ts";
import { count } from "../../shared/format.ts";
import { tint } from "../../shared/tint.ts";
import { cellDetail, cellWords, classNaming, confusionCells, shareText, type ClassNaming } from "./confusion-cells.ts";

export interface ConfusionMatrixProps {
  readonly counts: readonly (readonly number[])[];
  readonly classNames: readonly string[] | undefined;
}

export function ConfusionMatrix({ counts, classNames }: ConfusionMatrixProps) {
  const pointed = useSignal<string | undefined>(undefined);
  const name = classNaming(classNames, counts.length);
  return (
    <div class="matrix">
      <Grid counts={counts} name={name} pointed={pointed} />
      <Pointed pointed={pointed} />
      <ByClass counts={counts} name={name} />
    </div>
  );
}

/** Letters of a name that has room above a narrow column. */
const shortName = 3;

interface GridProps {
  readonly counts: ConfusionMatrixProps["counts"];
  readonly name: ClassNaming;
  /** The words of the cell that a pointer or the keyboard is at. */
  readonly pointed: Signal<string | undefined>;
}

function Grid({ counts, name, pointed }: GridProps) {
  const table = useRef<HTMLTableElement>(null);
  const rows = useMemo(() => confusionCells(counts), [counts]);
  const detail = cellDetail(counts.length);
  const upright = counts.length > 5 && counts.some((_, i) => name(i).length > shortName);
  const cellAt = (truth: number, predicted: number) =>
    table.current?.querySelector<HTMLElement>(`[data-cell="${truth}-${predicted}"]`);
  const point = ({ target }: Event): void => {
    pointed.value = (target as HTMLElement).closest<HTMLElement>("[data-cell]")?.ariaLabel ?? undefined;
  };
  const move = (event: KeyboardEvent): void => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-cell]");
    const [truth, predicted] = (cell?.dataset.cell ?? "0-0").split("-").map(Number);
    const next = cellAfterKey(event.key, { truth, predicted }, counts.length);
    const target = next && cellAt(next.truth, next.predicted);
    if (!cell || !target) return;
    event.preventDefault();
    // Tab leads to where somebody was, and past all other cells.
    cell.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  };
  return (
    <div class="scroller">
      <table
        ref={table}
        class={`matrix-table ${detail} ${upright ? "upright" : ""} ${counts.length > 5 ? "many" : ""}`}
        role="grid"
        aria-label="Confusion matrix: rows are true classes, columns predicted ones"
        onKeyDown={move}
        onFocusIn={point}
        onMouseOver={point}
        onMouseLeave={() => (pointed.value = undefined)}
        onFocusOut={() => (pointed.value = undefined)}
      >
        <thead>
          <tr>
            <td class="matrix-corner faint">
              <span>predicted →</span>
              <span>true ↓</span>
            </td>
            {counts.map((_, i) => (
              <th key={i} scope="col" title={name(i)}>
                <span>{name(i)}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, truth) => (
            <tr key={truth}>
              <th scope="row" title={name(truth)}>
                <span>{name(truth)}</span>
              </th>
              {cells.map((cell) => (
                <td
                  key={cell.predicted}
                  role="gridcell"
                  class={cell.predicted === truth ? "right" : "wrong"}
                  style={{ "--share": `${tint(cell.share)}%` }}
                  tabIndex={truth === 0 && cell.predicted === 0 ? 0 : -1}
                  aria-label={cellWords(cell, name)}
                  data-testid="matrix-cell"
                  data-cell={`${truth}-${cell.predicted}`}
                  data-count={cell.count}
                >
                  {detail !== "colours" && cell.count > 0 && count(cell.count)}{" "}
                  {detail === "shares" && cell.count > 0 && <small>{shareText(cell.share)}</small>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What a screen reader hears of a cell, for everybody else. */
function Pointed({ pointed }: { readonly pointed: Signal<string | undefined> }) {
  return (
    <p class="matrix-pointed small quiet" aria-hidden="true" data-testid="matrix-pointed">
      {pointed.value ?? "Percentages and colours are shares of a row. Point at a cell, or move with the arrow keys."}
    </p>
  );
}

function ByClass({ counts, name }: Omit<GridProps, "pointed">) {
  const records = useMemo(() => classRecords(counts), [counts]);
  return (
    <details class="by-class" data-testid="by-class">
      <summary>Recall and precision of each class</summary>
      <div class="scroller by-class-scroller" tabindex={0} role="region" aria-label="Classes">
        <table class="numbers-table">
          <thead>
            <tr>
              {["class", "samples", "recall", "precision", "most often taken for"].map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {records.map(({ index, there, recall, precision, rival }) => (
              <tr key={index}>
                <th scope="row">{name(index)}</th>
                <td class="number">{count(there)}</td>
                <td class="number">{shareText(recall)}</td>
                <td class="number">{shareText(precision)}</td>
                <td>{rival ? `${name(rival.index)} (${count(rival.count)})` : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
