// In what two descriptions of runs differ, in words. How long a run goes on, and when it saves, may differ; with what it began is over.
import type { RunDescription } from "@tabgrad/core";

// What metrics are for people follows from their names, and older descriptions lack it.
const free = new Set<string>(["duration", "checkpointEvery", "initialise", "metricForms"] satisfies (keyof RunDescription)[]);
/** More than these help nobody. */
const most = 5;

/** One clause for each field: `batchSize: was 64, is 128`. Empty where the runs are the same. */
export function differences(before: RunDescription, now: RunDescription): string[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((field) => !free.has(field));
  const found = fields.flatMap((field) =>
    differing([field], before[field as keyof RunDescription], now[field as keyof RunDescription]),
  );
  return found.length > most ? [...found.slice(0, most), `and ${found.length - most} more`] : found;
}

function differing(path: readonly string[], before: unknown, now: unknown): string[] {
  if (JSON.stringify(before) === JSON.stringify(now)) return [];
  // What a graph is made of says little to people.
  if (path[0] === "graph") return ["the model is another one"];
  if (isObject(before) && isObject(now)) {
    const fields = [...new Set([...Object.keys(before), ...Object.keys(now)])];
    return fields.flatMap((field) => differing([...path, field], before[field], now[field]));
  }
  return [`${path.join(".")}: was ${shown(before)}, is ${shown(now)}`];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const shown = (value: unknown): string => {
  const text = value === undefined ? "not there" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};
