// Numbers as people read them.

/** "48,120" */
export const count = (value: number): string => Math.round(value).toLocaleString("en");

/** "97.85 %" */
export const percent = (fraction: number, digits = 2): string => `${(100 * fraction).toFixed(digits)} %`;

/** "0:07", "12:30", "1:02:05" */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** "0.2134", "1.2e-7" */
export const decimal = (value: number): string =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1) : value.toPrecision(4);

/** "accuracy 97.85 %  meanAbsoluteError 0.031": fractions of right answers as percentages, everything else as numbers. */
export function metrics(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${name.toLowerCase().includes("accuracy") ? percent(value) : decimal(value)}`)
    .join("  ");
}

const byteUnits = ["bytes", "kB", "MB", "GB", "TB"];

/** "940 bytes", "1.2 MB" */
export function bytes(value: number): string {
  const power = Math.min(byteUnits.length - 1, Math.floor(Math.log10(Math.max(value, 1)) / 3));
  return power === 0 ? `${value} bytes` : `${(value / 1000 ** power).toPrecision(3)} ${byteUnits[power]}`;
}
