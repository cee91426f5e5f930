// Metrics that are tables, at the end of a run: as wide as the terminal allows, and never wider.
import { classRecords, isList, type ClassRecord, type StartEvent, type Tables } from "@tabgrad/core";
import pc from "picocolors";
import { count, decimal, percent } from "./format.ts";
import { table } from "./table.ts";

/** Columns where there is no terminal to ask. */
const usualWidth = 100;
/** Lines of a list of classes, or of a table of numbers; the rest is counted. */
const mostRows = 20;
/** Letters of a class's name. */
const longestName = 18;

type Rows = readonly (readonly number[])[];
type Line = readonly string[];

/** Each table under its name, a blank line above each; what there is one number of for each class, side by side. */
export const tablesText = (
  tables: Tables,
  { metricForms = {}, classNames }: Pick<StartEvent, "metricForms" | "classNames">,
  width = usualWidth,
): string => {
  const texts: string[] = [];
  const byClass = new Map<string, readonly number[]>();
  for (const [name, numbers] of Object.entries(tables)) {
    if (!isList(numbers)) {
      const text = metricForms[name] === "confusion" ? confusionText(numbers, classNames, width) : numbersText(numbers, width);
      texts.push(`\n${pc.bold(name)}  ${text}`);
    } else if (metricForms[name] === "classShares") byClass.set(name, numbers);
    else texts.push(`\n${pc.bold(name)}  ${numbersText([numbers], width)}`);
  }
  if (byClass.size > 0) texts.push(`\n${byClassText(byClass, classNames, width)}`);
  return texts.join("\n");
};

/** A line for each class, a column for each metric. */
function byClassText(scores: ReadonlyMap<string, readonly number[]>, names: readonly string[] | undefined, width: number): string {
  const columns = [...scores.values()];
  const classes = columns[0].length;
  const nameOf = classNaming(names, classes);
  const lines = Array.from({ length: Math.min(classes, mostRows) }, (_, i) => [
    nameOf(i),
    ...columns.map((column) => shareText(column[i])),
  ]);
  const text = table([["class", ...scores.keys()], ...lines], new Set(columns.map((_, i) => i + 1)));
  return `${pc.bold("by class")}\n${cut(text, width)}${classes > mostRows ? `\n${pc.dim(`and ${classes - mostRows} more classes`)}` : ""}`;
}

/** What classes are called: their indices where there is not one name for each. */
const classNaming =
  (names: readonly string[] | undefined, classes: number) =>
  (index: number): string =>
    shown(names?.length === classes ? names[index] : String(index));

/** The matrix with recall and precision at its edges; where that is too wide, a line for each class, the worst first. */
function confusionText(counts: Rows, names: readonly string[] | undefined, width: number): string {
  const records = classRecords(counts);
  const nameOf = classNaming(names, counts.length);
  const indexed = (index: number): string => (names ? `${index} ${nameOf(index)}` : nameOf(index));
  const all = new Set(records.map(({ index }) => index + 1)).add(records.length + 1);
  for (const [row, column] of [
    [nameOf, nameOf],
    [indexed, String],
  ] as const) {
    const text = table(matrixLines(counts, records, row, column), all);
    if (widest(text) <= width) return `${pc.dim("rows are true classes, columns predicted ones")}\n${text}`;
  }
  return classList(records, nameOf, width);
}

const matrixLines = (
  counts: Rows,
  records: readonly ClassRecord[],
  row: (index: number) => string,
  column: (index: number) => string,
): Line[] => [
  ["", ...records.map(({ index }) => column(index)), "recall"],
  ...records.map(({ index, recall }) => [row(index), ...counts[index].map(count), shareText(recall)]),
  ["precision", ...records.map(({ precision }) => shareText(precision)), ""],
];

function classList(records: readonly ClassRecord[], name: (index: number) => string, width: number): string {
  const worst = records.toSorted((a, b) => (a.recall || 0) - (b.recall || 0)).slice(0, mostRows);
  const lines = worst.map(({ index, there, recall, precision, rival }) => [
    name(index),
    count(there),
    shareText(recall),
    shareText(precision),
    rival ? `${name(rival.index)} (${count(rival.count)})` : "",
  ]);
  const text = table([["class", "samples", "recall", "precision", "most often taken for"], ...lines], new Set([1, 2, 3]));
  const which = `the ${lines.length < records.length ? `${lines.length} worst of ${records.length}` : records.length} classes, by recall`;
  return `${pc.dim(which)}\n${cut(text, width)}`;
}

function numbersText(rows: Rows, width: number): string {
  const lines = rows.slice(0, mostRows).map((row, i) => [String(i), ...row.map((value) => decimal(value))]);
  const rest = rows.length > mostRows ? `\n${pc.dim(`and ${rows.length - mostRows} more rows`)}` : "";
  return `${pc.dim(`${rows.length} × ${rows[0]?.length ?? 0}`)}\n${cut(table(lines, new Set(rows[0]?.map((_, i) => i + 1))), width)}${rest}`;
}

const shareText = (share: number): string => (Number.isNaN(share) ? "–" : percent(share, 1));

/** In quotes where a name would not be seen, as the characters of a text; and not too long. */
function shown(name: string): string {
  const visible = /^\s|\s$|[\n\r\t]|^$/.test(name) ? JSON.stringify(name) : name;
  return visible.length > longestName ? `${visible.slice(0, longestName - 1)}…` : visible;
}

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

const cut = (text: string, width: number): string =>
  text
    .split("\n")
    .map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line))
    .join("\n");
