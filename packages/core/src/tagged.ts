// What a run file's functions for plain data make: their options, tagged with the function's name. Schemas check them later, together.
import { TabgradError } from "./errors.ts";
import { roleOf, show } from "./model/role.ts";

/**
 * @param example options as somebody writes them
 * @throws TabgradError RUN_FILE_INVALID where something else stands in their place, of which spreading would leave nothing
 */
export function tagged<const Kind extends string, Options extends object>(
  kind: Kind,
  options: Options,
  example: string,
): Options & { readonly kind: Kind } {
  const given: unknown = options;
  const isPlain = typeof given === "object" && given !== null && !Array.isArray(given) && roleOf(given) === undefined;
  if (given === undefined || isPlain) return { kind, ...options };
  const message = `${kind}: its options are ${show(given)}; expected an object of options`;
  throw new TabgradError("RUN_FILE_INVALID", message, `Name them: ${kind}(${example}).`);
}
