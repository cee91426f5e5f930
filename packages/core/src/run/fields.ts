// Which fields a schema knows, and which of them somebody meant who wrote another.
import { z } from "zod";

/** The fields of the object at `path` of `value`; undefined where it is no object with a fixed list of fields. */
export function fieldsAt(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): string[] | undefined {
  let [at, here]: [z.ZodType | undefined, unknown] = [objectSchema(schema, value), value];
  for (const key of path) {
    if (!(at instanceof z.ZodObject) || !Object.hasOwn(at.shape, key)) return undefined;
    here = valueAt(here, [key]);
    at = objectSchema(at.shape[key as string] as z.ZodType, here);
  }
  // The kind is written by the function that makes the object.
  return at instanceof z.ZodObject ? Object.keys(at.shape).filter((field) => field !== "kind") : undefined;
}

/** The object schema that `value` is meant for, without wrappers and alternatives. */
function objectSchema(schema: z.ZodType, value: unknown): z.ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return objectSchema(schema.unwrap() as z.ZodType, value);
  if (schema instanceof z.ZodObject) return schema;
  if (!(schema instanceof z.ZodUnion)) return undefined;
  const options = (schema.options as z.ZodType[]).filter((option) => option instanceof z.ZodObject);
  const { discriminator } = schema.def as { discriminator?: string };
  if (discriminator === undefined) return options[0];
  return options.find((option) => (option.shape[discriminator] as z.ZodType).safeParse(valueAt(value, [discriminator])).success);
}

export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<PropertyKey, unknown>)[key];
  }
  return here;
}

/** `data.classes[0]` */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i > 0 ? "." : ""}${String(key)}`)).join("");

/** What to say of a field that does not exist: what was meant, or what there is. */
export function unknownField(field: string, known: readonly string[] | undefined): string {
  if (!known) return "unknown field";
  const meant = closest(field, known);
  return meant ? `unknown field; did you mean ${meant}?` : `unknown field; there are ${known.join(", ")}`;
}

/** The word that is at most a third of its letters away; case and separators do not count. */
export function closest(word: string, words: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
  const ranked = words
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(candidate)) / Math.max(candidate.length, 3) }))
    .sort((a, b) => a.distance - b.distance);
  return ranked.length > 0 && ranked[0].distance <= 1 / 3 ? ranked[0].candidate : undefined;
}

/** How many letters have to be put in, left out or replaced: Levenshtein 1966. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
