// Metrics that are more than one number, as of the newest evaluation; nothing in runs that have none.
import { useComputed } from "@preact/signals";
import { isList } from "@tabgrad/core";
import type { ComponentChildren } from "preact";
import { count } from "../../shared/format.ts";
import { Panel } from "../../shared/panel.tsx";
import type { Run } from "../run.ts";
import { ClassShares } from "./class-shares.tsx";
import { ConfusionMatrix } from "./confusion-matrix.tsx";
import { NumbersTable } from "./numbers-table.tsx";
import "./tables.css";

export function Tables({ run }: { readonly run: Run }) {
  const tables = useComputed(() => run.view.value?.tables).value ?? {};
  const start = useComputed(() => run.view.value?.start).value;
  const newest = useComputed(() => run.view.value?.evaluations.at(-1)).value;
  const measured = newest ? `after step ${count(newest.step)} · ${count(newest.samples)} samples` : "";
  const panel = (name: string, title: string, content: ComponentChildren) => (
    <Panel key={name} title={title} id={`table-${name}`} aside={<p class="quiet small number">{measured}</p>}>
      {content}
    </Panel>
  );
  const byClass = new Map<string, readonly number[]>();
  const panels = Object.entries(tables).flatMap(([name, numbers]) => {
    const form = start?.metricForms?.[name];
    if (isList(numbers)) {
      if (form !== "classShares") return [panel(name, name, <NumbersTable rows={[numbers]} name={name} />)];
      byClass.set(name, numbers);
      return [];
    }
    if (form !== "confusion") return [panel(name, name, <NumbersTable rows={numbers} name={name} />)];
    return [panel(name, "Confusion matrix", <ConfusionMatrix counts={numbers} classNames={start?.classNames} />)];
  });
  return (
    <>
      {panels}
      {byClass.size > 0 && panel("classes", "By class", <ClassShares metrics={byClass} classNames={start?.classNames} />)}
    </>
  );
}
