// Numbers as people read them.
export { decimal, metricText, percent } from "@tabgrad/core";

/** "48,120" */
export const count = (value: number): string => Math.round(value).toLocaleString("en");

/** "48.1k", "1.2M": for tight places. */
export const brief = (value: number): string =>
  new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value).replace("K", "k");

/** "0.001", "8.8e-7": what people chose, without zeros that say nothing. */
export const plain = (value: number): string => String(Number(value.toPrecision(4)));

/** "0:07", "12:30", "1:02:05"; "–" where nobody knows. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** "14:03:59", the viewer's own time. */
export const clock = (time: number): string => new Date(time).toLocaleTimeString("en-GB");

/** "3.2 MB" */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let rest = value;
  for (; rest >= 1000 && unit < units.length - 1; unit++) rest /= 1000;
  return `${unit === 0 ? rest : rest.toPrecision(3)} ${units[unit]}`;
}

/** "12 ms", "1.4 s" */
export const milliseconds = (value: number): string =>
  value < 1000 ? `${value < 10 ? value.toFixed(1) : Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
