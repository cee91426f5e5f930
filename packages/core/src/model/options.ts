// What the functions of this folder may be given as options. A run file is evaluated without its types being checked, so that a name that
// is misspelled, or a number in the place of options, would otherwise count for nothing.
import { closest } from "../closest.ts";
import { TabgradError } from "../errors.ts";
import { roleOf, show } from "./role.ts";

/** Throws a TabgradError MODEL_INVALID where the option does not take the value. */
export type OptionCheck = (kind: string, option: string, value: unknown) => void;

/** The check of each option there is. */
export type OptionChecks<Options> = { readonly [Name in keyof Required<Options>]: OptionCheck };

/**
 * The options that were given, those of them checked that are stated.
 * @param kind the function that takes them
 * @throws TabgradError MODEL_INVALID where they are no options, one has a wrong value, or there is none of that name
 */
export function optionsOf<Options extends object>(
  kind: string,
  given: Options | undefined,
  checks: OptionChecks<Options>,
): Partial<Options> {
  if (given === undefined) return {};
  const names = Object.keys(checks);
  if (!isPlain(given)) {
    const remedy = `Leave them out, or name them: { ${names[0]}: … }. ${listed(names)}`;
    throw new TabgradError("MODEL_INVALID", `${kind}: its options are ${show(given)}; expected an object of options`, remedy);
  }
  const stated = Object.entries(given).filter(([, value]) => value !== undefined);
  for (const [name, value] of stated) {
    if (!Object.hasOwn(checks, name)) throw unknownOption(kind, name, names);
    checks[name as keyof Options](kind, name, value);
  }
  return given;
}

const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && roleOf(value) === undefined;

/** @param known the options that there are */
function unknownOption(kind: string, name: string, known: readonly string[]): TabgradError {
  const meant = closest(name, known);
  const message = `${kind}: there is no option ${name}${meant ? `; did you mean ${meant}?` : ""}`;
  return new TabgradError("MODEL_INVALID", message, listed(known));
}

const listed = (names: readonly string[]): string =>
  names.length === 1 ? `Its option is ${names[0]}.` : `Its options are ${names.join(", ")}.`;

/** For functions that take nothing. @throws TabgradError MODEL_INVALID where something was given */
export function checkNothing(kind: string, given: readonly unknown[]): void {
  if (given.length === 0) return;
  throw new TabgradError("MODEL_INVALID", `${kind}: it was given ${show(given[0])}; expected nothing`, `Write ${kind}().`);
}

/** @throws TabgradError MODEL_INVALID unless `value` is true or false */
export function checkFlag(kind: string, option: string, value: unknown): void {
  if (typeof value === "boolean") return;
  const message = `${kind}: ${option} is ${show(value)}; expected true or false`;
  throw new TabgradError("MODEL_INVALID", message, `Write ${option}: true or ${option}: false.`);
}

/** For an option that is checked together with others. */
export const checkedLater: OptionCheck = () => undefined;
