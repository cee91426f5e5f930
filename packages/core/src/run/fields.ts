// Which fields a schema knows, and which of them somebody meant who wrote another.
import { z } from "zod";
import { closest, unknownField } from "../closest.ts";

/** The fields of the object at `path` of `value`; undefined where it is no object with a fixed list of fields. */
export function fieldsAt(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): string[] | undefined {
  let [at, here]: [z.ZodType | undefined, unknown] = [objectSchema(schema, value), value];
  for (const key of path) {
    const inner = schemaAt(at, key);
    here = valueAt(here, [key]);
    at = inner && objectSchema(inner, here);
  }
  // The kind is written by the function that makes the object.
  return at instanceof z.ZodObject ? Object.keys(at.shape).filter((field) => field !== "kind") : undefined;
}

function schemaAt(schema: z.ZodType | undefined, key: PropertyKey): z.ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  return schema instanceof z.ZodObject && Object.hasOwn(schema.shape, key) ? (schema.shape[key as string] as z.ZodType) : undefined;
}

/** The object schema that `value` is meant for, or the list's, without wrappers and alternatives. */
function objectSchema(schema: z.ZodType, value: unknown): z.ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return objectSchema(schema.unwrap() as z.ZodType, value);
  if (schema instanceof z.ZodObject || schema instanceof z.ZodArray) return schema;
  if (!(schema instanceof z.ZodUnion)) return undefined;
  const options = (schema.options as z.ZodType[]).filter((option) => option instanceof z.ZodObject);
  const { discriminator } = schema.def as { discriminator?: string };
  if (discriminator === undefined) return options[0];
  return options.find((option) => (option.shape[discriminator] as z.ZodType).safeParse(valueAt(value, [discriminator])).success);
}

/** What to say of a field that does not exist at `path`: what was meant, there or one level below the run file, or what there is. */
export function unknownAt(schema: z.ZodType, root: unknown, path: readonly PropertyKey[], field: string): string {
  const known = fieldsAt(schema, root, path);
  if (!known || path.length > 0 || closest(field, known) !== undefined) return unknownField(field, known);
  const below = known.flatMap((outer) => {
    const inner = closest(field, fieldsAt(schema, root, [outer]) ?? []);
    return inner === undefined ? [] : [`${outer}.${inner}`];
  });
  return below.length > 0 ? `unknown field; did you mean ${below.slice(0, 3).join(" or ")}?` : unknownField(field, known);
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
