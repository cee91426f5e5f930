// The parts of a model are plain objects of a few kinds; this tells them apart, and words what is none of them.
import { TabgradError } from "../errors.ts";

/** What a plain object made by a function of this folder is for. */
export type Role = "layer" | "loss" | "metric" | "initialiser";

const roles: ReadonlySet<unknown> = new Set<Role>(["layer", "loss", "metric", "initialiser"]);

/** Undefined for anything that was not made by a function of this folder. */
export function roleOf(value: unknown): Role | undefined {
  const role = typeof value === "object" && value !== null && "role" in value ? value.role : undefined;
  return roles.has(role) ? (role as Role) : undefined;
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return value.name ? `the function ${value.name}` : "a function";
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "symbol") return String(value);
  const role = roleOf(value);
  if (role) return `the ${role} ${(value as { kind: string }).kind}`;
  const text = written(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function written(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    // It contains itself.
    return "an object";
  }
}

/** @throws TabgradError MODEL_INVALID unless `value` is a whole number from 1 */
export function checkSize(kind: string, what: string, value: unknown, example = `${kind}(128)`): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return;
  const message = `${kind}: ${what} is ${show(value)}; expected a whole number from 1`;
  throw new TabgradError("MODEL_INVALID", message, `Write, for example, ${example}.`);
}

/** @throws TabgradError MODEL_INVALID unless `value` is a finite number */
export function checkNumber(kind: string, what: string, value: unknown): void {
  if (Number.isFinite(value)) return;
  throw new TabgradError("MODEL_INVALID", `${kind}: ${what} is ${show(value)}; expected a number`, `Correct ${what} of ${kind}.`);
}

/** @throws TabgradError MODEL_INVALID unless `value` is a finite number above 0 */
export function checkPositive(kind: string, what: string, value: unknown): void {
  if (Number.isFinite(value) && (value as number) > 0) return;
  const message = `${kind}: ${what} is ${show(value)}; expected a number above 0`;
  throw new TabgradError("MODEL_INVALID", message, `Correct ${what} of ${kind}.`);
}
