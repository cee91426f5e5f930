// Checks of single values that came over the wire. Each names the field, what came and what is allowed.
import { TabgradError } from "../errors.ts";

/** A frame that the contract does not allow. `what` is a sentence without its full stop. */
export function violation(what: string, options?: ErrorOptions): TabgradError {
  return new TabgradError(
    "PROTOCOL_VIOLATION",
    what,
    "One of the two sides is defective, or they are of different versions: update the older one.",
    options,
  );
}

export function number(value: number, least: number, most: number, what: string): number {
  // Written so that NaN fails it.
  if (!(value >= least && value <= most)) throw violation(`${what} is ${value}; allowed is ${least} to ${most}`);
  return value;
}

export function text(value: string, least: number, most: number, what: string): string {
  const length = value.length > most || value.length < least ? codePoints(value) : value.length;
  if (length < least || length > most) throw violation(`${what} has ${length} characters; allowed is ${least} to ${most}`);
  return value;
}

function codePoints(value: string): number {
  let count = 0;
  for (const _ of value) count += 1;
  return count;
}

export function hexadecimal(value: string, digits: number, what: string): string {
  if (value.length !== digits || !/^[0-9a-f]*$/.test(value)) {
    throw violation(`${what} is ${JSON.stringify(value.slice(0, 80))}; expected ${digits} hexadecimal digits, in lower case`);
  }
  return value;
}

export function length(list: { readonly length: number }, least: number, most: number, what: string): void {
  if (list.length < least || list.length > most) throw violation(`${list.length} ${what}; allowed is ${least} to ${most}`);
}

export function ascending(values: readonly number[], what: string): void {
  for (let i = 1; i < values.length; i += 1) {
    if (!(values[i] > values[i - 1])) throw violation(`${what} are not ascending: ${values[i]} comes after ${values[i - 1]}`);
  }
}

/** Cut to `most` characters, and without half surrogate pairs, which UTF-8 cannot carry. For what people write. */
export function fitting(value: string, most: number): string {
  const characters = value.length > most ? [...value].slice(0, most).join("") : value;
  return characters.replace(/\p{Surrogate}/gu, "\ufffd");
}
