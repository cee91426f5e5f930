// Numbers as people read them.
import { decimal, metricText, percent, type MetricForm } from "@tabgrad/core";

export { decimal, percent };

/** "48,120" */
export const count = (value: number): string => Math.round(value).toLocaleString("en");

/** "0:07", "12:30", "1:02:05" */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** "0.001", "8.8e-7": what people chose, without zeros that say nothing. */
export const plain = (value: number): string => String(Number(value.toPrecision(4)));

/** "accuracy 97.85 %  meanAbsoluteError 0.031": shares as percentages, everything else as numbers. */
export const metrics = (
  values: Readonly<Record<string, number>>,
  forms: Readonly<Record<string, MetricForm>> | undefined,
): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${metricText(value, forms?.[name])}`)
    .join("  ");

const byteUnits = ["bytes", "kB", "MB", "GB", "TB"];

/** "940 bytes", "1.2 MB" */
export function bytes(value: number): string {
  const power = Math.min(byteUnits.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3));
  return power === 0 ? `${value} bytes` : `${(value / 1000 ** power).toPrecision(3)} ${byteUnits[power]}`;
}
