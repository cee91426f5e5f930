// Metrics that are more than one number, as of the newest evaluation; nothing in runs that have none.
import { useComputed } from "@preact/signals";
import { count } from "../../shared/format.ts";
import { Panel } from "../../shared/panel.tsx";
import type { Run } from "../run.ts";
import { ConfusionMatrix } from "./confusion-matrix.tsx";
import { NumbersTable } from "./numbers-table.tsx";
import "./tables.css";

export function Tables({ run }: { readonly run: Run }) {
  const tables = useComputed(() => run.view.value?.tables).value;
  const start = useComputed(() => run.view.value?.start).value;
  const newest = useComputed(() => run.view.value?.evaluations.at(-1)).value;
  const measured = newest ? `after step ${count(newest.step)} · ${count(newest.samples)} samples` : "";
  return (
    <>
      {Object.entries(tables ?? {}).map(([name, rows]) => {
        const isConfusion = start?.metricForms?.[name] === "confusion";
        return (
          <Panel
            key={name}
            title={isConfusion ? "Confusion matrix" : name}
            id={`table-${name}`}
            aside={<p class="quiet small number">{measured}</p>}
          >
            {isConfusion ? (
              <ConfusionMatrix counts={rows} classNames={start.classNames} />
            ) : (
              <NumbersTable rows={rows} name={name} />
            )}
          </Panel>
        );
      })}
    </>
  );
}
