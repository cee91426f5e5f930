// The checks that optimizers' settings share, with messages that say what was expected.
import { z } from "zod";

/** Above 0. */
export const positive = z.number({ error: "expected a number above 0" }).gt(0, { error: "expected a number above 0" });

/** From 0. */
export const notNegative = z.number({ error: "expected a number, 0 or above" }).min(0, { error: "expected a number, 0 or above" });

/** From 0 to less than 1: the share of the old value in a moving average. */
export const decay = z
  .number({ error: "expected a number from 0 to less than 1" })
  .min(0, { error: "expected a number from 0 to less than 1" })
  .lt(1, { error: "expected a number from 0 to less than 1" });

/** Above 0 in float32 too, where it keeps a division by zero away. */
export const epsilon = z.number({ error: "expected a small number such as 1e-8" }).min(1e-37, {
  error: "expected a small number such as 1e-8; 0 would divide zero by zero, and float32 holds nothing below 1e-37",
});

/** A strict object tagged with its kind, which names the settings there are when it meets another. */
export function settings<Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(
    { kind: z.literal(kind), ...shape },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys" ? `unknown: ${issue.keys.join(", ")}; ${kind} takes ${names}` : undefined,
    },
  );
}
